"""The command itself: instant help, one way to print results and errors, exit codes that scripts can trust."""

import json
import subprocess
import sys

import click
import pytest
import soundfile

from ganray.cli import COMMANDS, _run, cli


def commands():
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    for name, command in list(found.items()):
        if isinstance(command, click.Group):
            found |= {f"{name} {sub}": command.get_command(context, sub) for sub in command.list_commands(context)}
            del found[name]
    return found


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from ganray.cli import _run; _run(['--help']); "
        "print([m for m in ('torch', 'ray', 'numpy', 'pydantic', 'av') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
    assert all(name in result.stdout for name in COMMANDS)


@pytest.mark.parametrize(("name", "command"), commands().items())
def test_every_command_has_an_example_and_json(name, command):
    text = command.get_help(click.Context(command, info_name=name))
    assert f"ganray {name}" in text
    assert name in ("serve", "recipes schema", "recipes copy") or "--json" in text


def test_an_error_is_one_document_under_json(capsys):
    assert _run(["vocode", "in.wav", "-o", "out.wav", "--voice", "nowhere", "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["type"] == "DataError"
    assert "no voice at nowhere" in document["error"]["message"]


def test_an_error_is_one_line_with_its_mend_otherwise(capsys):
    assert _run(["vocode", "in.wav", "-o", "out.wav", "--voice", "nowhere"]) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: no voice at nowhere")
    assert "ganray export" in printed.err


def test_a_jobs_own_json_is_not_ours(capsys):
    submit = ["cluster", "submit", "--address", "http://127.0.0.1:1", "--", "ganray", "train", "article", "--json"]
    assert _run(submit) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: no job server answers")


@pytest.mark.parametrize("arguments", [["trian"], ["train", "--no-such-option"], ["prepare"], ["train"]])
def test_what_can_not_be_meant_exits_with_2(arguments, capsys):
    assert _run(arguments) == 2
    assert capsys.readouterr().err


def test_usage_errors_are_documents_too(capsys):
    assert _run(["train", "--no-such-option", "--json"]) == 2
    assert "no-such-option" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_python_dash_m_is_the_same_command():
    result = subprocess.run([sys.executable, "-m", "ganray", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("ganray, version")


def test_what_libraries_print_does_not_spoil_the_document(capsys, monkeypatch, mel_voice, tmp_path):
    from ganray.voice import Voice

    load = Voice.load
    monkeypatch.setattr(Voice, "load", lambda *args: (print("a warning"), load(*args))[1])
    soundfile.write(tmp_path / "in.wav", [0.1, -0.1] * 2_000, 24_000)
    out = str(tmp_path / "out.wav")
    assert _run(["vocode", str(tmp_path / "in.wav"), "-o", out, "--voice", str(mel_voice), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["out"] == out
    assert "a warning" in printed.err
