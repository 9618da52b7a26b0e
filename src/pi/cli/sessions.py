"""Which session the flags mean: a new one, the latest, a named one, a fork, or one that is saved nowhere."""

import os
from pathlib import Path

from pi.cli.options import Options
from pi.harness.settings import load_settings
from pi.harness.storage.cwd import require_folder
from pi.harness.storage.files import (
    SessionDir,
    agent_dir,
    find_session,
    find_session_id,
    latest_session,
    session_dir,
    valid_session_id,
)
from pi.harness.storage.store import Store
from pi.platform.errors import PiError
from pi.platform.terminal import say


def open_store(options: Options, cwd: Path) -> Store:
    """The session's store; raises PiError for one that can't be found or opened."""
    if options.session_id is not None:
        valid_session_id(options.session_id)
    if options.no_session:
        store = Store.in_memory(cwd, session_id=options.session_id)
    else:
        store = _saved(options, cwd)
        require_folder(store, cwd)
    if options.name is not None:
        store.append_session_info(options.name)
    return store


def sessions_folder(cwd: Path, flag: str | None) -> SessionDir:
    """Where the sessions of `cwd` lie; `flag` is that of the command line."""
    home = agent_dir(os.environ)
    setting = load_settings(home, cwd).text("sessionDir")  # also of a project that isn't trusted yet
    return session_dir(home, cwd, env=os.environ, flag=flag, setting=setting)


def _saved(options: Options, cwd: Path) -> Store:
    directory = sessions_folder(cwd, options.session_dir)
    if options.resume:
        raise PiError("Choosing a session needs the terminal interface. Use --continue or --session ID.")
    if options.fork is not None:
        if options.session_id is not None and find_session_id(options.session_id, directory):
            raise PiError(
                f"Session already exists with id '{options.session_id}'. Choose another --session-id."
            )
        source = find_session(options.fork, directory, os.environ)
        return Store.open(source.path).fork_to(directory.path, cwd=cwd, session_id=options.session_id)
    if options.session is not None:
        return _named(options.session, directory)
    if options.session_id is not None:
        return _of_id(options.session_id, directory, cwd)
    if options.continue_ and (latest := latest_session(directory)):
        return Store.open(latest, cwd=cwd)
    return Store.create(cwd, directory=directory.path)


def _named(ref: str, directory: SessionDir) -> Store:
    found = find_session(ref, directory, os.environ)
    if found.elsewhere:
        raise PiError(
            f"Session {ref} belongs to {found.cwd}. Go there, or copy it here with: pi --fork {ref}"
        )
    return Store.open(found.path)


def _of_id(session_id: str, directory: SessionDir, cwd: Path) -> Store:
    if path := find_session_id(session_id, directory):
        return Store.open(path)
    say(f"Warning: No project session found with id '{session_id}'; creating a new session with that id.")
    return Store.create(cwd, directory=directory.path, session_id=session_id)
