"""Target environments as somebody would install them: a package with an entry point, good and bad."""

import json
from textwrap import dedent

TRIAL = """
    import json, os, subprocess, sys, time
    from stoa.missions.environments import (
        Arg, ArgKind, Condition, Dependency, EffectFailedError, Environment, Migration, Option, Target, TryAgainError,
    )

    def note(context, what):
        with open(os.environ["TRIAL_NOTES"], "a") as notes:
            notes.write(json.dumps([what, context.call_id, context.attempt, dict(context.args), time.monotonic()]) + "\\n")

    def ring(context):
        note(context, "begun")
        time.sleep(context.args.get("seconds", 0))
        context.send_output(f"<b>ring</b> {context.action['name']}<script>x</script>")
        context.block_node({"forceId": "blue", "nodeId": "blue-root"})
        context.open_node("red-root")
        context.modify_success_chance(-0.25, action="red-hall-a1")
        context.modify_process_time(61_500, action="red-hall-a1")
        context.modify_resource_cost(2, action="red-hall-a1")
        context.modify_resource_pool(7, force="blue")
        context.grant_file_access("plan")
        context.revoke_file_access("map")
        note(context, "over")

    def sleep(context):
        note(context, "begun")
        time.sleep(1e6)

    def spin(context):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1e6)", os.environ["TRIAL_NOTES"]])
        while True:
            pass

    def raise_(context):
        raise ValueError("a secret that stays in the log")

    def nonsense(context):
        context.calls.append({"call": "launchMissiles"})

    def lost(context):
        context.modify_resource_pool(7)
        context.open_node("nowhere")

    def unsayable(context):
        context.calls.append(object())

    def flood(context):
        context.send_output("x" * 2_000_000)

    def kill(context):
        os.kill(os.getpid(), 9)

    def babble(context):
        print("to standard output, which is nobody's answer")
        os.write(1, b"nor is this")
        context.send_output("still heard")

    def fail(context):
        raise EffectFailedError("The siren is out of order.\\0")

    def again(context):
        note(context, "begun")
        raise TryAgainError("Nobody at home.")

    def settings(context):
        known = [name for name in os.environ if name.startswith(("STOA_", "AWS_", "PGPASS"))]
        context.send_output(json.dumps([known, dict(context.settings)]))

    SCRIPTS = {
        "ring": ring, "sleep": sleep, "spin": spin, "raise": raise_, "nonsense": nonsense, "lost": lost,
        "unsayable": unsayable, "flood": flood, "kill": kill, "babble": babble, "fail": fail, "again": again,
        "settings": settings,
    }
    ARGS = (
        Arg("seconds", ArgKind.NUMBER, "Seconds", default=0, low=0, high=60),
        Arg("tone", ArgKind.DROPDOWN, "Tone", options=(Option("low", "Low"), Option("high", "High"))),
        Arg("where", ArgKind.NODE, "Where", required=True,
            dependencies=(Dependency("tone", Condition.EQUALS, ("high",)),), grouping_id="place", tooltip="Whose."),
        Arg("loud", ArgKind.BOOLEAN, "Loud"),
    )
    TRIAL = Environment(
        id="trial", name="Trial", version="2.0.0", description="For tests.",
        targets=tuple(Target(name, name.title(), ARGS if name == "ring" else ()) for name in SCRIPTS),
        scripts=SCRIPTS,
        migrations=(
            Migration("2.0.0", "ring", lambda args: {**args, "loud": args.get("loud", True)}),
            Migration("1.5.0", "ring", lambda args: {"seconds": args.pop("pause"), **args}),
        ),
    )
    TWIN = Environment(id="METIS", name="Twin", version="1.0.0", targets=(Target("x", "X"),), scripts={"x": ring})
    ODD = Environment(id="odd one", name="", version="1", targets=(), scripts={})
    NONE = "no environment"
"""


def install(folder, *, broken=False):
    """The folder to put on the path, and the file in which the environment notes its calls.

    ``broken``: with others beside it that can't be used.
    """
    place = folder / "installed"
    info = place / "trial_environment-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "trial_environment.py").write_text(dedent(TRIAL))
    (place / "hanging_environment.py").write_text("import time\ntime.sleep(1e6)\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trial-environment\nVersion: 1.0\n")
    points = {"trial": "trial_environment:TRIAL"}
    others = {
        "twin": "trial_environment:TWIN",
        "odd": "trial_environment:ODD",
        "none": "trial_environment:NONE",
        "gone": "trial_environment:GONE",
        "hanging": "hanging_environment:ENVIRONMENT",
    }
    points |= others if broken else {}
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[stoa.target_environments]\n{lines}")
    return place, folder / "notes"


def noted(notes):
    """[what, call id, attempt, args, monotonic time] of each."""
    return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
