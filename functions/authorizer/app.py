"""Decides whose request this is: API Gateway's REQUEST authorizer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from typing import Any

from bridge import wiring
from bridge.domain.twilio import API_VERSION
from bridge.handling import handler as lambda_handler


@lambda_handler
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Allow or deny the whole stage to a key: API Gateway keeps the answer for all its routes for a minute.

    Credentials of the Twilio-shaped door open that door and nothing else.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    caller = wiring.authorizing().caller(headers.get("authorization", ""))
    api, stage = event["methodArn"].split("/")[:2]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Action": "execute-api:Invoke",
                "Effect": "Allow" if caller else "Deny",
                "Resource": f"{api}/{stage}/*" + (f"/{API_VERSION}/*" if caller and caller.account_sid else ""),
            }
        ],
    }
    if caller is None:
        return {"principalId": "nobody", "policyDocument": policy}
    return {
        "principalId": caller.client,
        "policyDocument": policy,
        "context": {  # strings only: API Gateway takes no lists here
            "client": caller.client,
            "accounts": ",".join(sorted(caller.accounts)),
            "default_account": caller.default_account,
            "scopes": ",".join(sorted(caller.scopes)),
            **({"fallback_accounts": ",".join(caller.fallback_accounts)} if caller.fallback_accounts else {}),
            **({"account_sid": caller.account_sid} if caller.account_sid else {}),
            **({"limits": caller.limits.text} if caller.limits.text else {}),
        },
    }
