"""examples/network: what leaves by one address, made by an emulated CloudFormation."""

from pathlib import Path
from typing import Final

import boto3
import pytest
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships no types

TEMPLATE: Final = (Path(__file__).parents[2] / "examples/network/template.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("region", ["cn-north-1", "us-east-1"])
def test_the_private_subnets_leave_by_the_fixed_address_and_nothing_comes_in(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        cloudformation, ec2 = boto3.client("cloudformation"), boto3.client("ec2")
        cloudformation.create_stack(StackName="network", TemplateBody=TEMPLATE)
        [stack] = cloudformation.describe_stacks(StackName="network")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        subnets = outputs["SubnetIds"].split(",")

        gateways = ec2.describe_nat_gateways()["NatGateways"]
        assert [address["PublicIp"] for gateway in gateways for address in gateway["NatGatewayAddresses"]] == [
            outputs["Address"]
        ]
        assert len({subnet["AvailabilityZone"] for subnet in ec2.describe_subnets(SubnetIds=subnets)["Subnets"]}) == 2
        defaults = {
            table["RouteTableId"]: route.get("NatGatewayId")
            for table in ec2.describe_route_tables()["RouteTables"]
            for route in table["Routes"]
            if route.get("DestinationCidrBlock") == "0.0.0.0/0"
        }
        made = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in cloudformation.list_stack_resources(StackName="network")["StackResourceSummaries"]
        }
        assert defaults == {made["PublicRoutes"]: None, made["PrivateRoutes"]: gateways[0]["NatGatewayId"]}
        assert subnets == [made["PrivateSubnetA"], made["PrivateSubnetB"]]
        [group] = ec2.describe_security_groups(GroupIds=[outputs["SecurityGroupIds"]])["SecurityGroups"]
        assert group["IpPermissions"] == []


def test_each_subnet_has_its_routes() -> None:
    # The emulated CloudFormation makes no associations.
    resources = yaml_parse(TEMPLATE)["Resources"].values()
    routes = {
        resource["Properties"]["SubnetId"]["Ref"]: resource["Properties"]["RouteTableId"]["Ref"]
        for resource in resources
        if resource["Type"] == "AWS::EC2::SubnetRouteTableAssociation"
    }

    assert routes == {
        "PublicSubnet": "PublicRoutes",
        "PrivateSubnetA": "PrivateRoutes",
        "PrivateSubnetB": "PrivateRoutes",
    }
