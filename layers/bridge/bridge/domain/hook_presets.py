"""Mappings for what others send, as data: each needs no more than `auth` and `to` beside it.

None of their texts carries a 签名: the account's own goes in front.
"""

from collections.abc import Mapping
from typing import Final

from bridge.domain.hook_sources import HookMapping

# Alertmanager and Grafana say the same of alerts that still stand at every `repeat_interval`, which is their way to
# remind: an hour tells that from a retry, which comes within minutes.
_REMINDED: Final = 3600

_ALERTS: Final = """\
[{{ body.status | upper }}{% if body.status == "firing" %}:{{ body.alerts | where("status", "firing") | length }}\
{% endif %}] \
{{ body.commonLabels.alertname or body.groupLabels.alertname or "alerts" }}\
{% if body.commonLabels.severity %} ({{ body.commonLabels.severity }}){% endif %}
{% for alert in body.alerts %}

{% if alert.status != body.status %}{{ alert.status }}: {% endif %}\
{{ (alert.annotations.summary or alert.annotations.message or alert.annotations.description or \
alert.labels.instance or alert.labels.alertname) | cut(160) }}\
{% if loop.length != 1 and alert.labels.instance %} ({{ alert.labels.instance }}){% endif %}
{% endfor %}
"""

_GITHUB: Final = """\
{% if headers["x-github-event"] == "push" %}
[{{ body.repository.full_name }}] {{ body.pusher.name or body.sender.login }} pushed {{ body.commits | length }} to \
{{ body.ref }}: {{ body.head_commit.message | cut(200) }}
{% elif headers["x-github-event"] == "issues" %}
[{{ body.repository.full_name }}] issue #{{ body.issue.number }} {{ body.action }} by {{ body.sender.login }}: \
{{ body.issue.title }}
{% elif headers["x-github-event"] == "pull_request" %}
[{{ body.repository.full_name }}] pull request #{{ body.number }} {{ body.action }} by {{ body.sender.login }}: \
{{ body.pull_request.title }}
{% elif headers["x-github-event"] == "workflow_run" %}
[{{ body.repository.full_name }}] workflow {{ body.workflow_run.name }} #{{ body.workflow_run.run_number }} on \
{{ body.workflow_run.head_branch }}: {{ body.workflow_run.conclusion or body.workflow_run.status }}
{% else %}
[{{ body.repository.full_name or body.organization.login }}] {{ headers["x-github-event"] }} {{ body.action }} by \
{{ body.sender.login }}
{% endif %}
"""

_SNS: Final = """\
{% if item.AlarmName %}
[{{ item.NewStateValue }}] {{ item.AlarmName }}
{% if item.AlarmDescription %}
{{ item.AlarmDescription | cut(160) }}
{% endif %}
{{ item.NewStateReason }}
{% else %}
{% if body.Subject %}{{ body.Subject }}: {% endif %}{{ body.Message }}
{% endif %}
"""

_CLOUDEVENTS: Final = """\
{% if body.specversion %}
{{ body.type }}{% if body.subject %} {{ body.subject }}{% endif %}: \
{{ body.data.message or body.data.text or body.data }}
{% else %}
{{ headers["ce-type"] }}{% if headers["ce-subject"] %} {{ headers["ce-subject"] }}{% endif %}: \
{{ body.message or body.text or body }}
{% endif %}
"""

_APPRISE: Final = """\
{% if body.type and body.type != "info" %}[{{ body.type | upper }}] {% endif %}{% if body.title %}{{ body.title }}
{% endif %}
{{ body.message }}
"""

PRESETS: Final[Mapping[str, HookMapping]] = {
    # https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, version 4. Two Alertmanagers of one
    # cluster may send the same: what tells their calls apart (externalURL) does not count.
    "alertmanager": HookMapping(
        text=_ALERTS,
        dedup="[body.groupKey, body.status, body.alerts[].[fingerprint, labels, startsAt, status]]",
        dedup_seconds=_REMINDED,
    ),
    # https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
    "grafana": HookMapping(
        text=_ALERTS,
        dedup="[body.groupKey, body.status, body.alerts[].[fingerprint, labels, startsAt, status]]",
        dedup_seconds=_REMINDED,
    ),
    # https://docs.github.com/en/webhooks/webhook-events-and-payloads. The signature is over the body alone, so that
    # the delivery's id, a header, says nothing: what was sent once is told by the body.
    "github": HookMapping(
        when="headers.\"x-github-event\" != 'ping' && (headers.\"x-github-event\" != 'workflow_run' "
        "|| body.action == 'completed')",
        text=_GITHUB,
    ),
    # CloudEvents 1.0 over HTTP, structured and binary: an event is its source and its id (spec, "id").
    "cloudevents": HookMapping(
        text=_CLOUDEVENTS,
        dedup='body.specversion && [body.source, body.id] || [headers."ce-source", headers."ce-id"]',
    ),
    # https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html, with a CloudWatch alarm or text.
    "sns": HookMapping(each="[from_json(body.Message) || `{}`]", text=_SNS, dedup="[body.TopicArn, body.MessageId]"),
    "plain": HookMapping(
        to="body.to", text="{{ body.text | as_is }}", client_reference="body.client_reference", account="body.account"
    ),
    # https://github.com/caronc/apprise/wiki/Notify_Custom_JSON
    "apprise": HookMapping(text=_APPRISE),
}
