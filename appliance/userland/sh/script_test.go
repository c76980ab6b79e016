package sh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// sh runs a shell without a terminal.
func sh(t *testing.T, stdin io.Reader, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	var out, diag bytes.Buffer
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Args[0] = "sh"
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = shortDir(t), stdin, &out, &diag
	cmd.Env = environment(t)
	err := cmd.Run()
	var exit *exec.ExitError
	if ctx.Err() != nil || err != nil && !errors.As(err, &exit) {
		t.Fatalf("%q: %v %v; stdout %q, stderr %q", args, err, ctx.Err(), &out, &diag)
	}
	return out.String(), diag.String(), cmd.ProcessState.ExitCode()
}

func TestCommand(t *testing.T) {
	for _, tt := range []struct {
		command string
		stdout  string
		stderr  string
		code    int
	}{
		{"", "", "", 0},
		{"exit 7", "", "", 7},
		{"false", "", "", 1},
		{"true; false; true", "", "", 0},
		{"echo $0 $# $1", "name 1 argument\n", "", 0},
		{"f() { echo ${0##*/}; }; f", "name\n", "", 0},
		{"echo $((6*7)); x=a; echo ${x}b \"$(echo c)\"", "42\nab c\n", "", 0},
		{"cat <<E; echo after\na $((1+1))\nE", "a 2\nafter\n", "", 0},
		{"cat <<'E'\n$HOME\nE", "$HOME\n", "", 0},
		{"cd / && pwd && ls -d tmp", "/\ntmp\n", "", 0},
		{"a=1; export b=2; printenv a; printenv b; unset b; printenv b", "2\n", "", 1},
		{"c=3 printenv c; printenv _sh_name _sh_job", "3\n", "", 1},
		{"echo a | tr a b | cat >f; cat f; echo x >>f; wc -l <f", "b\n2\n", "", 0},
		{"yes | head -n1", "y\n", "", 0},
		{"while :; do echo y; done | head -n1; echo on", "y\non\n", "", 0},
		{"nosuch", "", "name: line 0: nosuch: not found\n", 127},
		{"./nosuch", "", "name: line 0: ./nosuch: not found\n", 127},
		{"/etc", "", "name: line 0: /etc: Permission denied\n", 126},
		{"echo x >f; ./f", "", "name: line 0: ./f: Permission denied\n", 126},
		{"printf '\\177ELF' >f; chmod +x f; ./f", "", "name: line 0: ./f: Exec format error\n", 126},
		{"echo 'echo $0 $1' >f; chmod +x f; ./f arg", "/f arg\n", "", -1},
		{"sh -c 'kill -9 $$'; exit $?", "", "Killed\n", 137},
		{"echo a; echo b; )", "", "name: line 0: syntax error: unexpected \")\"\n", 2},
		{"echo a\necho 'b", "a\n", "name: line 1: syntax error: unterminated quoted string\n", 2},
		{"set -e; false; echo not reached", "", "", 1},
		{"set -u; echo $nosuch; echo not reached", "", "name: line 0: nosuch: parameter not set\n", 2},
		{"trap 'echo bye' EXIT; echo a", "a\nbye\n", "", 0},
		{"trap 'echo bye' EXIT; exit 3", "bye\n", "", 3},
		{"umask 077; umask; umask 99", "0077\n", "name: umask: line 0: illegal mode: 99\n", 2},
		{"hash -r; kill -0 $$; echo $?", "0\n", "", 0},
		{"kill %1", "", "name: kill: line 0: %1: no such job\n", 2},
		{"read -r x <<E; echo \"<$x>\"\na\\b\nE", "<a\\b>\n", "", 0},
		{"logout 4", "", "", 4},
		{"exec sh -c 'exit 5'; echo not reached", "", "", 5},
		{"exec >f; echo a; cat f >&2", "", "a\n", 0},
		{"echo to stderr >&2", "", "to stderr\n", 0},
	} {
		stdout, stderr, code := sh(t, nil, "-c", tt.command, "name", "argument")
		if tt.code < 0 { // only the beginning and the end are certain
			if !strings.HasPrefix(stderr, tt.stderr) || !strings.HasSuffix(stdout, tt.stdout) {
				t.Errorf("%s\n%q %q", tt.command, stdout, stderr)
			}
			continue
		}
		if stdout != tt.stdout || stderr != tt.stderr || code != tt.code {
			t.Errorf("%s\n got %q %q %d\nwant %q %q %d", tt.command, stdout, stderr, code, tt.stdout, tt.stderr, tt.code)
		}
	}
}

// A command of a script on standard input reads what follows it.
func TestScriptOnStandardInput(t *testing.T) {
	for _, tt := range []struct{ script, stdout string }{
		{"echo a\necho b", "a\nb\n"},
		{"read x\ndata\necho got $x\nsh -c 'read y; echo $y'\nmore\ncat\nrest\n", "got data\nmore\nrest\n"},
		{"for i in 1 2\ndo echo $i\ndone\ncat <<E\nx\nE\n", "1\n2\nx\n"},
		{"sh -s a b <<'E'\necho $0 $*\nE\n", "sh a b\n"},
	} {
		// A pipe, as sshd gives, not a file.
		stdout, stderr, code := sh(t, iotest.OneByteReader(strings.NewReader(tt.script)))
		if stdout != tt.stdout || stderr != "" || code != 0 {
			t.Errorf("%q\n got %q %q %d\nwant %q", tt.script, stdout, stderr, code, tt.stdout)
		}
	}
	_, _, code := sh(t, strings.NewReader("echo a\nexit 9\necho b\n"), "-s")
	if code != 9 {
		t.Errorf("exit status %d", code)
	}
}

func TestScriptFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte("#!/bin/sh\necho $0 $1\n# a comment\nread x\necho $x\nexit 4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := sh(t, strings.NewReader("input\n"), "-eu", file, "-c")
	if want := file + " -c\ninput\n"; stdout != want || stderr != "" || code != 4 {
		t.Errorf("%q %q %d, want %q", stdout, stderr, code, want)
	}
	if _, stderr, code := sh(t, nil, "/nosuch"); code != 127 || stderr != "sh: can't open '/nosuch': No such file or directory\n" {
		t.Errorf("%q %d", stderr, code)
	}
	for arg, says := range map[string]string{
		"-c": "-c requires an argument", "-Z": "illegal option -Z", "--posix": "illegal option --posix",
	} {
		if _, stderr, code := sh(t, nil, arg); code != 2 || !strings.HasPrefix(stderr, "sh: "+says+"\nusage: sh ") {
			t.Errorf("%s: %q %d", arg, stderr, code)
		}
	}
}

func TestMuchOutput(t *testing.T) {
	stdout, _, code := sh(t, nil, "-c", "seq 200000; for i in $(seq 1000); do echo $i; done; x=$(seq 200000); echo ${#x}")
	if len(stdout) != 1288895+3893+len("1288894\n") || code != 0 {
		t.Errorf("%d bytes, status %d", len(stdout), code)
	}
}

// The end of a script neither loses a job that it has just begun nor waits for a
// program in the background.
func TestJobsAtTheEnd(t *testing.T) {
	for _, script := range []string{
		"/bin/sh -c 'echo $$ >pid; exec sleep 1000' &",
		"(/bin/sh -c 'echo $$ >pid; exec sleep 1000' &)",
		"set -e; f() { /bin/sh -c 'echo $$ >pid; exec sleep 1000' & }; f; exit 0",
	} {
		dir := shortDir(t)
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-c", script)
		cmd.Args[0], cmd.Dir, cmd.Env = "sh", dir, environment(t)
		if err := cmd.Run(); err != nil {
			t.Errorf("%s: %v", script, err)
		}
		if _, _, code := sh(t, nil, "-c", "until test -s "+dir+"/pid; do sleep 0.01; done; kill $(cat "+dir+"/pid)"); code != 0 {
			t.Errorf("%s: nothing runs", script)
		}
	}
	for _, script := range []string{
		"(sleep 0.1; echo late) & echo now",
		"set -e; { sleep 0.1; false; echo not reached; } & { sleep 0.1; echo late; exit 1; } & echo now",
		"(true; (sleep 0.1; echo late) & ); echo now",
		"f() { { sleep 0.1; echo late; } & }\nf\necho now",
	} {
		if stdout, stderr, code := sh(t, nil, "-c", script); stdout != "now\nlate\n" || stderr != "" || code != 0 {
			t.Errorf("%s: %q %q %d", script, stdout, stderr, code)
		}
	}
	if stdout, _, _ := sh(t, strings.NewReader("input\n"), "-c", "cat & wait; cat"); stdout != "input\n" {
		t.Errorf("the job has read %q", stdout)
	}
}

func TestParseOptions(t *testing.T) {
	for _, tt := range []struct {
		args string
		want options
	}{
		{"sh", options{name: "sh", interactive: true}},
		{"-sh", options{name: "sh", interactive: true}},
		{"/bin/sh -il", options{name: "/bin/sh", interactive: true}},
		{"sh -ec x n a -b", options{hasCommand: true, command: "x", name: "n", speaker: "n", params: []string{"a", "-b"}, set: []string{"-e"}}},
		{"sh -o pipefail +u -- f -x", options{file: "f", name: "f", speaker: "f", params: []string{"-x"}, set: []string{"-o", "pipefail", "+u"}}},
		{"sh -s a", options{name: "sh", interactive: true, params: []string{"a"}}},
	} {
		got, err := parseOptions(strings.Fields(tt.args))
		if len(got.params) == 0 {
			got.params = nil
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", tt.args, err, got, tt.want)
		}
	}
}

func TestLastWord(t *testing.T) {
	for _, tt := range []struct {
		line string
		want partialWord
	}{
		{"", partialWord{command: true}},
		{"ls", partialWord{command: true, text: "ls"}},
		{"ls ", partialWord{before: []string{"ls"}, start: 3}},
		{"a=1 ls", partialWord{command: true, start: 4, text: "ls"}},
		{"ls | gr", partialWord{command: true, start: 5, text: "gr"}},
		{"if te", partialWord{command: true, start: 3, text: "te"}},
		{"cat 'a b", partialWord{before: []string{"cat"}, start: 4, text: "a b", quote: "'"}},
		{`cat a\ b`, partialWord{before: []string{"cat"}, start: 4, text: "a b"}},
		{`cat "a\"b`, partialWord{before: []string{"cat"}, start: 4, text: `a"b`, quote: `"`}},
		{"cat <fi", partialWord{before: []string{"cat"}, start: 5, text: "fi"}},
		{"echo $(l", partialWord{command: true, start: 7, text: "l"}},
	} {
		if got := lastWord(tt.line); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q\n got %+v\nwant %+v", tt.line, got, tt.want)
		}
	}
}

// FuzzKeys checks that whatever comes from the line is taken key by key, to its end.
func FuzzKeys(f *testing.F) {
	for _, seed := range []string{"abc\x03d", "\x1b[1~\x1bOH\x1b[[A", "\x1b\x1b[A", "\x1b[1;5", "\x1b\x03", "\x1bO\x03", "ü\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		k := &keys{in: bytes.NewReader(input)}
		var out []byte
		interrupts := 0
		for buf := make([]byte, 3); ; {
			n, err := k.Read(buf)
			out = append(out, buf[:n]...)
			if errors.Is(err, errInterrupt) {
				interrupts++
			} else if err != nil {
				break
			}
		}
		if got, want := interrupts, bytes.Count(input, []byte{ctrlC}); got != want {
			t.Errorf("%d times ^C, want %d", got, want)
		}
		if bytes.IndexByte(input, escape) < 0 && !bytes.Equal(out, bytes.ReplaceAll(input, []byte{ctrlC}, nil)) {
			t.Errorf("%q became %q", input, out)
		}
	})
}

// FuzzComplete checks that a completion leaves the rest of the line alone.
func FuzzComplete(f *testing.F) {
	f.Add("cat 'a b", 4)
	f.Fuzz(func(t *testing.T, line string, pos int) {
		pos = max(0, min(pos, len(line)))
		w := lastWord(line[:pos])
		if w.start < 0 || w.start > pos {
			t.Fatalf("%q: the word begins at %d", line[:pos], w.start)
		}
		if w.quote != "" || !strings.HasPrefix(w.text, "x") || strings.ContainsAny(w.text, "\n\r\x00") {
			return
		}
		file, err := syntax.NewParser().Parse(strings.NewReader("echo "+w.quoted(w.text)), "")
		if err != nil || len(file.Stmts) != 1 {
			t.Errorf("%q is quoted as %s: %v", w.text, w.quoted(w.text), err)
		}
	})
}

func TestHistoryIsBounded(t *testing.T) {
	h := &history{}
	for i := range 2 * maxHistory {
		h.Add(fmt.Sprint(i))
	}
	if h.Len() != maxHistory || h.At(0) != fmt.Sprint(2*maxHistory-1) {
		t.Errorf("%d lines, the last %q", h.Len(), h.At(0))
	}
}

// FuzzBytes checks that a script of any bytes goes through the parser as it is.
func FuzzBytes(f *testing.F) {
	f.Add("\xe9t\xe9 \xff \u00fc\U0010ffff")
	f.Fuzz(func(t *testing.T, script string) {
		coded := parseable(script)
		if !utf8.ValidString(coded) {
			t.Errorf("%q is not UTF-8", coded)
		}
		if !utf8.ValidString(script) && !strings.Contains(script, "\xf4\x8f") && original(coded) != script {
			t.Errorf("%q became %q", script, original(coded))
		}
	})
}
