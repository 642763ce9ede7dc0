"""The official Python client's streams, in a process of their own: it leaves sockets and threads behind."""

import sys

from kubernetes import client as official
from kubernetes import config as official_config
from kubernetes import stream as official_stream


def converse(core: official.CoreV1Api) -> None:
    run = official_stream.stream
    command = ["sh", "-c", "echo out; echo err >&2"]
    said = run(core.connect_get_namespaced_pod_exec, "web", "default", command=command, stdout=True, stderr=True)
    assert sorted(said.split()) == ["err", "out"]
    talk = run(
        core.connect_get_namespaced_pod_exec,
        "web",
        "default",
        command=["sh", "-c", "read word; echo heard $word; read more; exit 5"],
        stdin=True,
        stdout=True,
        stderr=True,
        _preload_content=False,
    )
    talk.write_stdin("hello\n")
    assert talk.readline_stdout(timeout=20) == "heard hello"
    talk.write_stdin("more\n")  # It forgets a line that comes together with the end.
    talk.run_forever(timeout=20)
    assert talk.returncode == 5
    talk.close()
    forward = official_stream.portforward(core.connect_get_namespaced_pod_portforward, "web", "default", ports="18080")
    connection = forward.socket(18080)
    connection.setblocking(True)
    connection.settimeout(20)
    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    answer = b""
    while data := connection.recv(65536):
        answer += data
    connection.close()
    assert answer.endswith(b'<a href="/x">page</a>\n')
    assert forward.error(18080) is None


def main(kubeconfig: str) -> None:
    configuration = official.Configuration()
    official_config.load_kube_config(kubeconfig, client_configuration=configuration)
    with official.ApiClient(configuration) as opened:
        converse(official.CoreV1Api(opened))


if __name__ == "__main__":
    main(sys.argv[1])
