"""MLflow's pages of a store, served to this machine."""

import os
import socket
import sys

from seedsweep.errors import ConfigError
from seedsweep.tracking.addresses import absolute
from seedsweep.tracking.connection import connect
from seedsweep.validation import check_integer


def serve(uri: str, host: str, port: int) -> None:
    """Serve MLflow's pages of a store, until Ctrl-C.

    Args:
        uri: address of the store, which must exist.
        host: the network interface; others than 127.0.0.1 let other machines read and change what is recorded.
        port: that is free.

    Raises:
        ConfigError: there is no such store, or the port is taken.
    """
    check_integer("port", port, 1, 65_535)
    if absolute(uri).startswith("http"):
        raise ConfigError("tracking.uri", uri, "is a server, which has these pages itself: open it in a browser")
    connect(uri)
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: a port in TIME_WAIT is free
        try:
            tried.bind((host, port))
        except OSError as error:
            raise ConfigError("port", port, f"cannot be used on {host} ({error.strerror}); take another one") from error
    sys.stdout.write(f"MLflow starts, for some seconds; then open http://{host}:{port}\n")
    sys.stdout.flush()  # which what follows would not do
    os.environ["MLFLOW_BACKEND_STORE_URI"] = absolute(uri)  # on a command line everybody would see its password
    command = [sys.executable, "-m", "mlflow", "ui"]
    os.execv(sys.executable, [*command, "--host", host, "--port", str(port)])  # noqa: S606  so that the signals to end reach it
