"""A simulated EUMS V2.1 gateway over real HTTP, for one machine.

It reads the specification on its own: nothing here comes from the bridge's layers, so that the two can disagree.

    with Gateway([GatewayAccount(name="test", password="123456")]) as gateway:
        ...  # calls are below gateway.url + "/eums/sms/utf8/json/"
"""

from local.gateway.accounts import AccountStatus, EmptyStyle, GatewayAccount, GatewaySettings
from local.gateway.clock import CHINA, Clock, ManualClock
from local.gateway.crypto import read_aes_key
from local.gateway.faults import Fault, FaultKind, When
from local.gateway.gateway import Gateway
from local.gateway.journal import Exchange
from local.gateway.records import Mo, Submit, SubmittedMessage
from local.gateway.specification import Call, Code

__all__ = [
    "CHINA",
    "AccountStatus",
    "Call",
    "Clock",
    "Code",
    "EmptyStyle",
    "Exchange",
    "Fault",
    "FaultKind",
    "Gateway",
    "GatewayAccount",
    "GatewaySettings",
    "ManualClock",
    "Mo",
    "Submit",
    "SubmittedMessage",
    "When",
    "read_aes_key",
]
