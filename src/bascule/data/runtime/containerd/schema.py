"""The messages of CRI v1 and of containerd's task, container and event services that are used here.

Written down as a table (message: field=number type; `*` repeated, `%` map of strings) and turned into
message classes when first needed. Enumerations are int32, the same bytes on the wire. Numbers are those
of the published k8s.io/cri-api `runtime/v1/api.proto` and containerd's `api/services`.
"""

# ruff: noqa: E501 - a message is one line of the table
from __future__ import annotations

import functools
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

CRI = "runtime.v1"
TASKS = "containerd.services.tasks.v1"
CONTAINERS = "containerd.services.containers.v1"
EVENTS = "containerd.services.events.v1"
EMPTY = "Empty"

_TABLES = {
    CRI: """
Empty:
Int64Value: value=1 int64
UInt64Value: value=1 uint64
VersionRequest: version=1 string
VersionResponse: runtime_name=2 string, runtime_version=3 string
DNSConfig: servers=1 *string, searches=2 *string, options=3 *string
PortMapping: protocol=1 int32, container_port=2 int32, host_port=3 int32, host_ip=4 string
Mount: container_path=1 string, host_path=2 string, readonly=3 bool, selinux_relabel=4 bool, propagation=5 int32
NamespaceOption: network=1 int32, pid=2 int32, ipc=3 int32, target_id=4 string
LinuxSandboxSecurityContext: namespace_options=1 NamespaceOption, run_as_user=3 Int64Value, readonly_rootfs=4 bool, supplemental_groups=5 *int64, privileged=6 bool, run_as_group=8 Int64Value
LinuxPodSandboxConfig: cgroup_parent=1 string, security_context=2 LinuxSandboxSecurityContext, sysctls=3 %string
PodSandboxMetadata: name=1 string, uid=2 string, namespace=3 string, attempt=4 uint32
PodSandboxConfig: metadata=1 PodSandboxMetadata, hostname=2 string, log_directory=3 string, dns_config=4 DNSConfig, port_mappings=5 *PortMapping, labels=6 %string, annotations=7 %string, linux=8 LinuxPodSandboxConfig
RunPodSandboxRequest: config=1 PodSandboxConfig, runtime_handler=2 string
RunPodSandboxResponse: pod_sandbox_id=1 string
StopPodSandboxRequest: pod_sandbox_id=1 string
StopPodSandboxResponse:
RemovePodSandboxRequest: pod_sandbox_id=1 string
RemovePodSandboxResponse:
PodSandboxStatusRequest: pod_sandbox_id=1 string, verbose=2 bool
PodSandboxNetworkStatus: ip=1 string
PodSandboxStatus: id=1 string, state=3 int32, network=5 PodSandboxNetworkStatus
PodSandboxStatusResponse: status=1 PodSandboxStatus
ListPodSandboxRequest:
PodSandbox: id=1 string, metadata=2 PodSandboxMetadata, state=3 int32, created_at=4 int64, labels=5 %string, annotations=6 %string
ListPodSandboxResponse: items=1 *PodSandbox
ImageSpec: image=1 string
KeyValue: key=1 string, value=2 string
LinuxContainerResources: cpu_period=1 int64, cpu_quota=2 int64, cpu_shares=3 int64, memory_limit_in_bytes=4 int64, oom_score_adj=5 int64
Capability: add_capabilities=1 *string, drop_capabilities=2 *string
LinuxContainerSecurityContext: capabilities=1 Capability, privileged=2 bool, namespace_options=3 NamespaceOption, run_as_user=5 Int64Value, readonly_rootfs=7 bool, supplemental_groups=8 *int64, no_new_privs=11 bool, run_as_group=12 Int64Value, masked_paths=13 *string, readonly_paths=14 *string
LinuxContainerConfig: resources=1 LinuxContainerResources, security_context=2 LinuxContainerSecurityContext
ContainerMetadata: name=1 string, attempt=2 uint32
ContainerConfig: metadata=1 ContainerMetadata, image=2 ImageSpec, command=3 *string, args=4 *string, working_dir=5 string, envs=6 *KeyValue, mounts=7 *Mount, labels=9 %string, annotations=10 %string, log_path=11 string, stdin=12 bool, stdin_once=13 bool, tty=14 bool, linux=15 LinuxContainerConfig
CreateContainerRequest: pod_sandbox_id=1 string, config=2 ContainerConfig, sandbox_config=3 PodSandboxConfig
CreateContainerResponse: container_id=1 string
StartContainerRequest: container_id=1 string
StartContainerResponse:
StopContainerRequest: container_id=1 string, timeout=2 int64
StopContainerResponse:
RemoveContainerRequest: container_id=1 string
RemoveContainerResponse:
ListContainersRequest:
Container: id=1 string, pod_sandbox_id=2 string, metadata=3 ContainerMetadata, image=4 ImageSpec, image_ref=5 string, state=6 int32, created_at=7 int64, labels=8 %string, annotations=9 %string
ListContainersResponse: containers=1 *Container
ContainerStatusRequest: container_id=1 string
ContainerStatus: id=1 string, state=3 int32, created_at=4 int64, started_at=5 int64, finished_at=6 int64, exit_code=7 int32, image_ref=9 string, reason=10 string, message=11 string, log_path=15 string
ContainerStatusResponse: status=1 ContainerStatus
ExecSyncRequest: container_id=1 string, cmd=2 *string, timeout=3 int64
ExecSyncResponse: stdout=1 bytes, stderr=2 bytes, exit_code=3 int32
AttachRequest: container_id=1 string, stdin=2 bool, tty=3 bool, stdout=4 bool, stderr=5 bool
AttachResponse: url=1 string
ReopenContainerLogRequest: container_id=1 string
ReopenContainerLogResponse:
Image: id=1 string, repo_tags=2 *string, repo_digests=3 *string, size=4 uint64, uid=5 Int64Value, username=6 string
ImageStatusRequest: image=1 ImageSpec
ImageStatusResponse: image=1 Image
AuthConfig: username=1 string, password=2 string, auth=3 string, server_address=4 string
PullImageRequest: image=1 ImageSpec, auth=2 AuthConfig
PullImageResponse: image_ref=1 string
CpuUsage: usage_core_nano_seconds=2 UInt64Value
MemoryUsage: working_set_bytes=2 UInt64Value
ContainerAttributes: id=1 string
ContainerStats: attributes=1 ContainerAttributes, cpu=2 CpuUsage, memory=3 MemoryUsage
ListContainerStatsRequest:
ListContainerStatsResponse: stats=1 *ContainerStats
""",
    TASKS: """
Empty:
StartRequest: container_id=1 string, exec_id=2 string
StartResponse: pid=1 uint32
KillRequest: container_id=1 string, exec_id=2 string, signal=3 uint32, all=4 bool
ExecProcessRequest: container_id=1 string, stdin=2 string, stdout=3 string, stderr=4 string, terminal=5 bool, spec=6 google.protobuf.Any, exec_id=7 string
ResizePtyRequest: container_id=1 string, exec_id=2 string, width=3 uint32, height=4 uint32
CloseIORequest: container_id=1 string, exec_id=2 string, stdin=3 bool
GetRequest: container_id=1 string, exec_id=2 string
Process: pid=3 uint32
GetResponse: process=1 Process
WaitRequest: container_id=1 string, exec_id=2 string
WaitResponse: exit_status=1 uint32
DeleteProcessRequest: container_id=1 string, exec_id=2 string
DeleteResponse: exit_status=3 uint32
""",
    CONTAINERS: """
GetContainerRequest: id=1 string
Container: id=1 string, spec=5 google.protobuf.Any
GetContainerResponse: container=1 Container
""",
    EVENTS: """
SubscribeRequest: filters=1 *string
Envelope: namespace=2 string, topic=3 string
""",
}

_TYPES = {"int64": 3, "uint64": 4, "int32": 5, "bool": 8, "string": 9, "bytes": 12, "uint32": 13}
_MESSAGE = 11


def _add_field(message: Any, package: str, text: str) -> None:
    name, _, rest = text.strip().partition("=")
    number, _, kind = rest.partition(" ")
    field = message.field.add(name=name, number=int(number), label=3 if kind[0] in "*%" else 1)
    mapped, kind = kind.startswith("%"), kind.lstrip("*%")
    if mapped:
        entry_name = "".join(part.title() for part in name.split("_")) + "Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=_TYPES["string"], label=1)
        entry.field.add(name="value", number=2, type=_TYPES[kind], label=1)
        field.type, field.type_name = _MESSAGE, f".{package}.{message.name}.{entry_name}"
    elif kind in _TYPES:
        field.type = _TYPES[kind]
    else:
        field.type, field.type_name = _MESSAGE, f".{kind}" if "." in kind else f".{package}.{kind}"


@functools.cache
def _pool() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    for package, table in _TABLES.items():
        file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
        file.dependency.append("google/protobuf/any.proto")
        for line in table.strip().splitlines():
            name, _, fields = line.partition(":")
            message = file.message_type.add(name=name)
            for text in filter(None, fields.strip().split(", ")):
                _add_field(message, package, text)
        pool.Add(file)
    return pool


@functools.cache
def message(package: str, name: str) -> Any:
    """A message's class; it takes nested dicts as keyword arguments."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{package}.{name}"))
