"""The dashboard as it is deployed: what it names is there under that name."""

import json

from local.aws import REGION
from local.stack import STACK_NAME
from tests.e2e.deployed import Deployed


def test_the_dashboard_names_what_is_deployed(deployed: Deployed) -> None:
    cloudwatch = deployed.aws.session.client("cloudwatch", endpoint_url=deployed.aws.endpoint)
    widgets = json.loads(cloudwatch.get_dashboard(DashboardName=f"{STACK_NAME}-{REGION}")["DashboardBody"])["widgets"]
    alarms = [
        alarm["AlarmArn"]
        for page in cloudwatch.get_paginator("describe_alarms").paginate()
        for alarm in page["MetricAlarms"]
    ]
    (shown,) = [widget["properties"]["alarms"] for widget in widgets if widget["type"] == "alarm"]
    assert shown
    assert sorted(shown) == sorted(alarms)

    metrics = [line for widget in widgets for line in widget["properties"].get("metrics", [])]
    named = {line[-1] for line in metrics if isinstance(line[-1], str)}
    pages = deployed.aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK_NAME)
    queues = {  # of the stack: other tests may have queues of their own
        resource["PhysicalResourceId"].rpartition("/")[2]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::SQS::Queue"
    }
    assert queues
    functions = {
        function["FunctionName"]
        for page in deployed.aws.functions.get_paginator("list_functions").paginate()
        for function in page["Functions"]
    }
    assert functions | queues <= named
    assert named <= functions | queues | {STACK_NAME}
