"""A client of Pi's RPC mode for other programs: `from pi.rpc import RpcClient`."""

from pi.modes.rpc.client import RpcClient, RpcFailed

__all__ = ["RpcClient", "RpcFailed"]
