#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: documents.py LIBKDBUS.a

Compares documents with the sources.

kdbus(4) and kdbus(7): every command has a section that describes every error
which the ABI header or the command's kernel-doc names; structs, constants,
module parameters with their defaults and debugfs files are those of the
sources. Every manual page renders without a warning, and the example of
kdbus(7) compiles.

docs/versions.rst: the versions are those of the sources and of the documents of
each format.

Prints what is wrong; needs neither root nor the module.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEADER = "include/uapi/linux/kdbus.h"
NODES = "docs/kdbus.4.rst"
OVERVIEW = "docs/kdbus.7.rst"
COMMON = "Errors of every command"
VERSIONS = "docs/versions.rst"
# (row of VERSIONS, source, what stands around the version there)
SOURCES_OF_VERSIONS = [
    ("trace, debugfs", "tracepoints/kdbus_enums.h",
     r"KDBUS_TRACE_SCHEMA_VERSION (\d+)"),
    ("trace, debugfs", "tracepoints/schema.rst", r"^Schema version (\d+)"),
    ("trace, debugfs", "tools/perf/kdbus_perf/environment.py",
     r"^SCHEMA = (\d+)"),
    ("kdbus-top JSON", "tools/kdbus-top/json.c", r"#define SCHEMA (\d+)"),
    ("kdbus-top JSON", "docs/kdbus-top-json.rst", r"This is schema (\d+)"),
    ("kdbus-monitor JSON", "tools/kdbus-monitor/monitor.h",
     r"#define JSON_SCHEMA (\d+)"),
    ("kdbus-monitor JSON", "docs/kdbus-monitor-json.rst",
     r"This is schema (\d+)"),
    ("kdbus-perf JSON", "tools/perf/kdbus_perf/as_json.py",
     r'"schema": (\d+)'),
    ("kdbus-perf JSON", "docs/kdbus-perf-json.rst", r"is schema (\d+)"),
    ("libkdbus", "lib/Makefile.inc", r"^LIB_SONAME := (\S+)"),
]


def read(path):
    with open(os.path.join(TOP, path)) as f:
        return f.read()


def module_sources():
    return "\n".join(read(p) for p in sorted(glob.glob("module/*.c",
                                                       root_dir=TOP)))


def sections(text):
    """{title: body} of a page's sections and subsections."""
    parts = re.split(r"^(\S.*)\n(?:=+|-+)$\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def described(body):
    """The errors that a section defines."""
    return set(re.findall(r"``(E[A-Z0-9]+)``",
                          "\n".join(re.findall(r"^``E.*$", body, re.M))))


# ---- what the sources say ------------------------------------------------

def header_errors():
    """{command: errors its comment in the header names}"""
    comment = re.search(r"\* enum kdbus_ioctl_type.*?\*/\nenum kdbus_ioctl_type"
                        r"(.*?)\n};", read(HEADER), re.S)
    commands = re.findall(r"^\t(KDBUS_CMD_\w+) =", comment.group(1), re.M)
    errors = {}
    for command, text in re.findall(r"@(KDBUS_CMD_\w+):(.*?)(?=\n \* @|\n \*\n)",
                                    comment.group(0), re.S):
        errors[command] = set(re.findall(r"\bE[A-Z0-9]{2,}\b", text))
    # "likewise": those of the command before
    errors["KDBUS_CMD_DOMAIN_MAKE"] |= errors["KDBUS_CMD_BUS_MAKE"]
    errors["KDBUS_CMD_EP_MAKE"] |= errors["KDBUS_CMD_DOMAIN_MAKE"]
    assert set(errors) == set(commands), "comment and enum differ"
    return errors


def code_errors(sources):
    """{command: errors the kernel-doc of its function names}"""
    errors = {}
    for command, text in re.findall(
            r"/\*\*\n \* kdbus_cmd_\w+\(\) - (KDBUS_CMD_\w+)\n(.*?)\*/",
            sources, re.S):
        errors[command] = set(re.findall(r"-(E[A-Z0-9]+)", text))
    errors["KDBUS_CMD_MSG_SEND"] |= send_errors()
    # user space sees EINTR, or nothing
    return {c: e - {"ERESTARTSYS"} for c, e in errors.items()}


def send_errors():
    """Errors of MSG_SEND, which no kernel-doc lists: all of its files'."""
    text = "".join(read("module/%s.c" % name)
                   for name in ("message", "send", "quota", "call"))
    text += re.search(r"\nstruct file \*kdbus_memfd_get.*?\n}\n",
                      read("module/memfd.c"), re.S).group(0)
    # EAGAIN is between functions, and ENOENT of MSG_CANCEL
    return set(re.findall(r"-(E[A-Z0-9]+)\b", text)) - {"EAGAIN", "ENOENT"}


def parameters(sources):
    """{module parameter: default}"""
    values = {}
    for name, variable in re.findall(r"module_param_named\((\w+),\s*(\w+)",
                                     sources):
        value = re.search(r"\b%s = (.*?);" % variable, sources).group(1)
        if value == "_KDBUS_ATTACH_ALL":
            values[name] = "0x7ff"
        else:
            values[name] = str(eval(re.sub(r"U?L*\b(?<=[UL])", "", value)))
    return values


def structs(text):
    """{struct: its members, without comments and attributes}"""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    # where a member's name is a word of C++
    text = re.sub(r"^#ifndef __cplusplus\n(.*?)^#else\n.*?^#endif\n", r"\1",
                  text, flags=re.S | re.M)
    # an array of any length, however a compiler wants it
    text = re.sub(r"__DECLARE_FLEX_ARRAY\((\w+), (\w+)\)", r"\1 \2[]", text)
    text = text.replace("[0]", "[]")
    found = re.findall(r"^( *)struct (kdbus_\w+) \{\n(.*?)^\1\}[^\n]*;", text,
                       re.S | re.M)
    return {name: " ".join(body.split()) for _, name, body in found}


# ---- what is wrong -------------------------------------------------------

def check_commands(page, sources):
    parts = sections(page)
    common = described(parts[COMMON])
    declared, coded = header_errors(), code_errors(sources)
    for command in sorted(declared):
        if command not in parts:
            yield "%s: no section %s" % (NODES, command)
            continue
        named = described(parts[command])
        # what a group of errors of MSG_SEND names is in its section, too
        for error in sorted(declared[command] - named - {"EFAULT"}):
            yield "%s: %s lacks %s of the header" % (NODES, command, error)
        for error in sorted(coded.get(command, set()) - named - common):
            yield "%s: %s lacks %s of its function" % (NODES, command, error)
        for error in sorted(named):
            if not re.search(r"-%s\b" % error, sources) and \
               error not in ("ENFILE", "EFBIG", "EINTR", "EBUSY"):
                yield "%s: %s has %s, which the module does not know" % (
                    NODES, command, error)


def check_structs(page, overview):
    of_header = structs(read(HEADER))
    of_pages = structs(page)
    of_pages.update(structs(overview))
    for name, members in sorted(of_header.items()):
        if of_pages.get(name) != members:
            yield "struct %s of the pages is not that of %s" % (name, HEADER)
    for name in sorted(set(of_pages) - set(of_header)):
        yield "struct %s is not in %s" % (name, HEADER)


def check_constants(page, overview):
    both = page + overview
    # "KDBUS_POLICY_SEE, _TALK or _OWN"
    for name in sorted(set(re.findall(r"\bKDBUS_[A-Z0-9_]+\b", read(HEADER)))):
        short = re.sub(r".*_", "_", name)
        if name == "KDBUS_IOCTL_MAGIC" or name in both or name.endswith("_"):
            continue
        if not re.search(r"%s\w+\*{0,2}[^.]*?%s\b" %
                         (name[:-len(short) + 1], short), both):
            yield "%s and %s lack %s" % (NODES, OVERVIEW, name)


def check_parameters(page, sources):
    listed = dict(re.findall(r"^\*\*(\w+)\*\* \((\w+)\)$",
                             sections(page)["MODULE PARAMETERS"], re.M))
    actual = parameters(sources)
    assert len(actual) > 10, "no parameters found"
    for name in sorted(set(actual) | set(listed)):
        if actual.get(name) != listed.get(name):
            yield "%s: parameter %s is %s, in the module %s" % (
                NODES, name, listed.get(name), actual.get(name))


def check_debugfs(page):
    files = re.findall(r'\{ "(\w+)",', read("module/debugfs.c"))
    assert files, "no debugfs files found"
    body = sections(page)["FILES"]
    for name in files:
        if "*%s*" % name not in body:
            yield "%s: FILES lacks %s of debugfs" % (NODES, name)


def check_versions():
    text = read(VERSIONS)
    for row, source, pattern in SOURCES_OF_VERSIONS:
        stated = re.search(r"^%s +(\S+)" % re.escape(row), text, re.M)
        actual = re.search(pattern, read(source), re.M)
        if not stated or not actual:
            yield "no version of '%s' in %s or %s" % (row, VERSIONS, source)
        elif stated.group(1) != actual.group(1):
            yield "%s has version %s of '%s', %s %s" % (
                VERSIONS, stated.group(1), row, source, actual.group(1))


def output_of(*command, **kwargs):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, **kwargs)


def check_rendering(tmp):
    env = dict(os.environ, LC_ALL="C.UTF-8", MANROFFSEQ="", MANWIDTH="80")
    for source in sorted(glob.glob("docs/*.[0-9].rst", root_dir=TOP)):
        page = os.path.join(tmp, os.path.basename(source)[:-len(".rst")])
        done = output_of("rst2man", "--strict", source, page, cwd=TOP)
        if done.returncode or done.stdout:
            yield "%s: %s" % (source, done.stdout.strip())
            continue
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l",
                               "-Tutf8", "-Z", page], env=env, text=True,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        if done.returncode or done.stderr:
            yield "%s: %s" % (source, done.stderr.strip())


def check_html(tmp):
    done = output_of("scripts/html", os.path.join(tmp, "html"), cwd=TOP)
    if done.returncode or done.stdout:
        yield "scripts/html: " + done.stdout.strip()


def check_example(tmp, library):
    program = output_of("scripts/man-example", OVERVIEW, cwd=TOP)
    if program.returncode:
        yield program.stdout.strip()
        return
    done = output_of("cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror",
                     "-Iinclude/uapi", "-Ilib", "-x", "c", "-", "-x", "none",
                     library, "-o", os.path.join(tmp, "example"), cwd=TOP,
                     input=program.stdout)
    if done.returncode:
        yield "the example of %s does not compile:\n%s" % (OVERVIEW,
                                                           done.stdout)


def main():
    if len(sys.argv) != 2:
        print(__doc__.split("\n")[0], file=sys.stderr)
        return 2
    page, overview, sources = read(NODES), read(OVERVIEW), module_sources()
    wrong = list(check_commands(page, sources))
    wrong += check_structs(page, overview)
    wrong += check_constants(page, overview)
    wrong += check_parameters(page, sources)
    wrong += check_debugfs(page)
    wrong += check_versions()
    with tempfile.TemporaryDirectory() as tmp:
        wrong += check_rendering(tmp)
        wrong += check_html(tmp)
        wrong += check_example(tmp, os.path.abspath(sys.argv[1]))
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
