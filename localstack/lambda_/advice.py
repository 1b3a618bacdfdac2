"""What whoever runs the emulator is told: where a function will not run as its settings say.

One line each, never a refusal; what cannot run at all is refused elsewhere.
"""

from __future__ import annotations

from .account import Account, Values
from .function_code import Code
from .hosts import Choice
from .native_modules import machine


def on_runtime(account: Account, name: str, settings: Values, choice: Choice) -> None:
    """Another Python than that of the function's runtime, another machine than its architecture."""
    if choice.reason:
        account.around.warn(
            f"warning: function {name} asks for {settings['Runtime']}; it runs on the "
            f"emulator's own {choice.interpreter.runtime}: {choice.reason}"
        )
    if elsewhere := of_architecture(settings):
        account.around.warn(
            f"warning: function {name} {elsewhere}: here its native modules must be for "
            f"{machine()}, and that archive will not load on AWS"
        )


def of_architecture(settings: Values) -> str:
    """How the machine differs from the one that a function asks for, "" when it does not."""
    wanted = settings["Architectures"][0]
    if wanted.replace("arm64", "aarch64") == machine():
        return ""
    return f"asks for {wanted} and runs on this machine, {machine()}"


def on_permissions(account: Account, name: str, code: Code) -> None:
    """What reads well here, as its owner, fails on AWS with "Permission denied"."""
    file = account.registry.archives.owners_only(code)
    if file:
        account.around.warn(
            f"warning: function {name}: only its owner may read {file}; on AWS, where "
            "functions are another user, it cannot be read: give it mode 644 in the archive"
        )


def on_files(account: Account, name: str, values: Values) -> None:
    """File systems that are told, but not mounted."""
    for each in values.get("FileSystemConfigs", ()):
        account.around.warn(
            f"warning: function {name} is told to have {each['Arn']} at "
            f"{each['LocalMountPath']}; nothing is mounted there"
        )
