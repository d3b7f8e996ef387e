"""A real S3 server in a process of its own on 127.0.0.1: moto's, which speaks S3 and checks who asks."""

import contextlib
import os
import subprocess
import sys
import time

import boto3
import httpx
from obstore.store import S3Store
from tests.support.processes import free_port

BUCKET = "recordings"
_EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
_FIRST = 5
"""Requests that set it up, before it asks who is there."""


class S3Server:
    """What it keeps is gone with its process. ``key`` and ``secret`` are who may do everything, while it is up.

    One that ``checks`` who asks can't read signed links.
    """

    def __init__(self, *, checks=True):
        self._first = str(_FIRST) if checks else "inf"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            env=os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": self._first},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{self.address}/moto-api/")
                break
            assert time.monotonic() < deadline, "moto's server does not answer"
            time.sleep(0.05)
        iam, s3 = self._client("iam"), self._client("s3")
        iam.create_user(UserName="stoa")
        made = iam.create_access_key(UserName="stoa")["AccessKey"]
        self.key, self.secret = made["AccessKeyId"], made["SecretAccessKey"]
        policy = iam.create_policy(PolicyName="everything", PolicyDocument=_EVERYTHING)["Policy"]["Arn"]
        iam.attach_user_policy(UserName="stoa", PolicyArn=policy)
        s3.create_bucket(Bucket=BUCKET)

    def _client(self, service):
        return boto3.client(
            service, endpoint_url=self.address, aws_access_key_id="first", aws_secret_access_key="first",
            region_name="us-east-1",
        )  # fmt: skip

    def kill(self):
        self.process.kill()
        self.process.wait(30)

    def store(self, key=None, secret=None, **retry):
        return S3Store(
            BUCKET, prefix="stoa", endpoint=self.address, region="us-east-1", access_key_id=key or self.key,
            secret_access_key=secret or self.secret, client_options={"allow_http": True}, **retry,
        )  # fmt: skip

    def environment(self):
        """What ``STOA_FILES=s3://…`` needs besides."""
        return {
            "STOA_FILES": f"s3://{BUCKET}/stoa", "AWS_ACCESS_KEY_ID": self.key, "AWS_REGION": "us-east-1",
            "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_ENDPOINT_URL": self.address, "AWS_ALLOW_HTTP": "true",
        }  # fmt: skip
