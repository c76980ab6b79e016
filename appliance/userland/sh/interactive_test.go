package sh

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestInterruptEndsTheCommandOnly(t *testing.T) {
	for _, tt := range []struct{ name, command string }{
		{"program", "echo started; sleep 1000; echo not reached"},
		{"pipeline", "echo started; sleep 1000 | cat | cat"},
		{"loop of builtins", "echo started; while true; do :; done"},
		{"loop of programs", "echo started; while true; do sleep 0.01; done"},
		{"subshell", "( echo started; sleep 1000 ); echo not reached"},
		{"substitution", "echo started; echo $(sleep 1000)"},
		{"read", "echo started; read x; echo not reached"},
		{"silent read", "echo started; read -rsp 'Password: ' x"},
		{"another shell", "echo started; sh -c 'sleep 1000'"},
		{"wait", "sleep 50 & echo started; wait; echo not reached"},
		{"named pipe", "mkfifo fifo; echo started; cat <fifo"},
		{"file", "echo 'sleep 1000' >f; echo started; . ./f"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := talk(t)
			d.send("kept=value\r")
			d.prompt()
			d.send(tt.command + "\r")
			d.expect("\r\nstarted\r\n")
			d.send("\x03")
			if out := d.prompt(); strings.Contains(out, "not reached") {
				t.Errorf("went on: %q", out)
			}
			d.want("echo $? $kept", "130 value\n")
			d.want("echo typed | { read x; echo got $x; }", "got typed\n")
			d.want("echo a; echo b", "a\nb\n")
			if now := d.modes(); now.Lflag == d.before.Lflag {
				t.Error("the terminal is not raw at the prompt")
			}
			d.send("exit 3\r")
			if code := d.end(); code != 3 {
				t.Errorf("exit status %d", code)
			}
			if now := d.modes(); now != d.before {
				t.Errorf("terminal left as\n%+v, was\n%+v", now, d.before)
			}
		})
	}
}

// What an interrupted builtin was reading from must not take the next lines.
func TestInputAfterInterrupt(t *testing.T) {
	t.Parallel()
	d := talk(t)
	for _, command := range []string{"read x", "read -s x", "read -t 1000 x", "cat", "cat | cat"} {
		d.send("echo started; " + command + "\r")
		d.expect("\r\nstarted\r\n")
		d.send("\x03")
		d.prompt()
		d.want("echo this line is whole", "this line is whole\n")
		d.send("read x; echo \"<$x>\"\rdata\r")
		d.expect("<data>\r\n")
		d.prompt()
	}
}

func TestOtherSignals(t *testing.T) {
	t.Parallel()
	d := talk(t)
	d.send("echo started; sleep 1000\r")
	d.expect("\r\nstarted\r\n")
	d.untilForeground() // between two commands, it does nothing
	d.send("\x1c")
	d.prompt()
	d.want("echo $?", "131\n")
	d.want("sh -c 'kill -9 $$'", "Killed\n")
	d.want("echo $?", "137\n")
	d.want("sh -c 'kill -TERM $$'; echo $?", "Terminated\n143\n")
	d.want("/bin/sh -c 'kill -PIPE $$'; echo $?", "141\n")
}

func TestPromptKeys(t *testing.T) {
	t.Parallel()
	d := talk(t)
	for _, tt := range []struct{ name, keys, want string }{
		{"^C clears", "echo wrong\x03echo right", "right\n"},
		{"^U", "echo wrong\x15echo right", "right\n"},
		{"^K", "echo right wrong\x02\x02\x02\x02\x02\x02\x0b", "right\n"},
		{"^W", "echo right wrong\x17", "right\n"},
		{"^A", "right\x01echo ", "right\n"},
		{"^E", "cho right\x01e\x05!", "right!\n"},
		{"Home and End of an xterm", "cho right\x1b[He\x1b[F!", "right!\n"},
		{"Home and End of a vt220", "cho right\x1b[1~e\x1b[4~!", "right!\n"},
		{"Home and End in application mode", "cho right\x1bOHe\x1bOF!", "right!\n"},
		{"Left, Right", "echo rigt\x1b[Dh\x1b[C!", "right!\n"},
		{"Delete", "echo rigght\x1b[D\x1b[D\x1b[D\x1b[3~", "right\n"},
		{"Backspace", "echo rightt\x7f", "right\n"},
		{"^H", "echo rightt\x08", "right\n"},
		{"a word to the left", "right\x1b[1;5Decho ", "right\n"},
		{"F1 of Linux and F5", "echo \x1b[[A\x1b[15~right", "right\n"},
		{"Escape and ^U", "wrong\x1b\x15echo right", "right\n"},
		{"beyond ASCII", "echo für\x7f\x7fünf", "fünf\n"},
		{"a tab that is pasted", "echo \"a\tb\"", "a\tb\n"},
	} {
		d.send(tt.keys + "\r")
		d.expect(strings.ReplaceAll("\r\n"+tt.want, "\n", "\r\n")[1:])
		d.prompt()
		_ = tt.name
	}
	d.send("\x04")
	if code := d.end(); code != 0 {
		t.Errorf("exit status %d after ^D", code)
	}
}

// TestWide: wide characters, and such that are combined with others, take the columns that they take on a
// terminal, so the cursor is where the line changes.
func TestWide(t *testing.T) {
	t.Parallel()
	d := talk(t)
	for _, tt := range []struct{ keys, sent string }{
		{"echo 日本", "echo 日本"},
		{"\x1b[D", "\x1b[2D"},
		{"a", "a本\x1b[2D"},
		{"\x7f", "\x1b[D本\x1b[J\x1b[2D"},
		{"\x05e\u0301", "\x1b[2Ce\x1b[De\u0301"},
		{"\x7f🐢", "\x1b[D\x1b[J🐢"},
		{"\x01", "\x1b[11D"},
		{"\x05\r", "\x1b[11C\r\n日本🐢\r\n"},
	} {
		d.send(tt.keys)
		if before := d.expect(tt.sent); before != "" {
			t.Errorf("%q: %q before %q", tt.keys, before, tt.sent)
		}
	}
	d.prompt()
	d.want("echo 日本 | tr -d '\\n' | wc -c", "6\n")
}

func TestHistory(t *testing.T) {
	t.Parallel()
	d := talk(t)
	d.want("echo one", "one\n")
	d.want("echo two", "two\n")
	d.want("echo two", "two\n")
	d.want("", "")
	d.send("never run\x03")
	d.prompt()
	up, down := "\x1b[A", "\x1b[B"
	d.want(up, "two\n")
	d.want(up+up, "one\n")
	d.want("\x10\x10\x10", "one\n") // ^P
	d.want(up+up+up+down, "two\n")
	d.want("\x1bOA\x7f\x7f\x7fthree", "three\n")
	d.want("history", "    1  echo one\n    2  echo two\n    3  echo one\n    4  echo two\n    5  echo three\n    6  history\n")
}

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	d := talk(t)
	for _, tt := range []struct{ line, message string }{
		{"echo a; )", "syntax error"},
		{"fi", "syntax error"},
		{"if )", "syntax error"},
		{"if true; fi", "syntax error"},
	} {
		out := d.do(tt.line)
		if !strings.HasPrefix(out, "sh: "+tt.message) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %q", tt.line, out)
		}
		d.want("echo $?", "2\n")
	}
	for _, unfinished := range []string{"echo 'a", "for x in 1; do", "cat <<E"} {
		d.send(unfinished + "\r")
		d.expect("\r\n> ")
		d.send("\x04")
		d.expect("sh: syntax error")
		d.prompt()
	}
	d.want("set -u; echo $unset; echo not reached", "sh: unset: parameter not set\n")
	d.want("nosuch; echo $?", "sh: nosuch: not found\n127\n")
}

func TestContinuation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"for", []string{"for i in 1 2", "do echo $i", "done"}, "1\n2\n"},
		{"quotes", []string{"echo 'a", "b'"}, "a\nb\n"},
		{"here-document", []string{"cat <<END; echo after", "x $((40+2))", "END"}, "x 42\nafter\n"},
		{"backslash", []string{`echo a \`, "b"}, "a b\n"},
		{"pipe", []string{"echo a |", "cat"}, "a\n"},
		{"and", []string{"true &&", "echo a"}, "a\n"},
		{"function", []string{"f() {", "echo $1", "}; f a"}, "a\n"},
		{"substitution", []string{"echo $(", "echo a)"}, "a\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := talk(t)
			for i, line := range tt.lines {
				d.send(line + "\r")
				if i < len(tt.lines)-1 {
					d.expect("\r\n> ")
				}
			}
			if out := d.prompt(); !strings.HasSuffix(out, strings.ReplaceAll("\n"+tt.want, "\n", "\r\n")) {
				t.Errorf("%q, want %q at the end", out, tt.want)
			}
			d.send(tt.lines[0] + "\r")
			d.expect("\r\n> ")
			d.send("\x03")
			d.prompt()
			d.want("echo $?", "130\n")
		})
	}
}

// A paste comes all at once; what follows a command is the command's to read.
func TestPaste(t *testing.T) {
	t.Parallel()
	d := talk(t)
	var paste, want strings.Builder
	paste.WriteString("cat >copy <<'EOF'\r")
	for i := range 300 {
		fmt.Fprintf(&paste, "line %d: \"tab\there\" $HOME\r", i)
		fmt.Fprintf(&want, "line %d: \"tab\there\" $HOME\n", i)
	}
	paste.WriteString("EOF\rif true\rthen echo pas'ted'\rfi\r")
	go d.tty.WriteString(paste.String()) // the shell's output must be read meanwhile
	d.expect("pasted\r\n")
	d.prompt()
	if got, err := os.ReadFile(filepath.Join(d.dir, "copy")); err != nil || string(got) != want.String() {
		t.Errorf("%v, %d bytes, want %d", err, len(got), want.Len())
	}
	d.send("read x; read y; echo \"<$x:$y>\"\rone\rtwo\recho next\r")
	d.expect("<one:two>")
	d.expect("\r\nnext\r\n")
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	d := talk(t, "PATH=bin:/bin:/usr/bin")
	d.want("mkdir -p bin etc/gatehouse; touch 'a file' etc/gatehouse/site.toml one-first one-second .hidden", "")
	d.want("printf '#!/bin/sh\\necho \"${0##*/} ran: $*\"\\n' >bin/unmistakable; cp bin/unmistakable bin/ping", "")
	const completer = `#!/bin/sh
case "$*" in
"complete gatehouse "?*" "*) echo web1 web2;;
"complete gatehouse "*) echo status leases log;;
"complete ping "*) echo printer;;
*) echo "gatehouse ran: $*";;
esac
`
	if err := os.WriteFile(filepath.Join(d.dir, "bin/gatehouse"), []byte(completer), 0o755); err != nil {
		t.Fatal(err)
	}
	d.want("chmod 755 bin/*", "")
	tab := func(keys, shown, rest, want string) {
		t.Helper()
		d.send(keys)
		d.expect(keys)
		d.send("\t")
		d.expect(shown)
		d.send(rest + "\r")
		d.expect("\r\n" + want + "\r\n")
		d.prompt()
	}
	tab("unmist", "akable ", "", "unmistakable ran: ")
	tab("unal", "ias ", "; echo builtin", "builtin")
	tab("true; unmist", "akable ", "", "unmistakable ran: ")
	tab("gatehouse st", "atus ", "", "gatehouse ran: status")
	tab("gatehouse l", "leases  log\r\n", "ог", "gatehouse ran: lог")
	tab("gatehouse host w", "eb", "1", "gatehouse ran: host web1")
	tab("gatehouse host web", "web1  web2\r\n", "2", "gatehouse ran: host web2")
	tab("gatehouse apply et", "c/", "", "gatehouse ran: apply etc/")
	tab("ping p", "rinter ", "", "ping ran: printer")
	tab("echo et", "c/", "", "etc/")
	tab("echo etc/gatehouse/s", "ite.toml ", "x", "etc/gatehouse/site.toml x")
	tab("echo a", "\\ file ", "", "a file")
	tab("echo 'a", " file' ", "", "a file")
	tab("echo on", "e-", "f", "one-f")
	tab("echo one-", "one-first  one-second\r\n", "s", "one-s")
	tab("echo .h", "idden ", "", ".hidden")
	tab("cat <et", "c/", "\x15echo done", "done")
	d.want("cd etc && pwd; cd ..", d.dir+"/etc\n")
	d.send("cd etc\r")
	d.expect(d.dir + "/etc# ")
	d.send("echo g")
	d.expect("echo g")
	d.send("\t")
	d.expect("atehouse/")
}

func TestTerminalModes(t *testing.T) {
	t.Parallel()
	d := talk(t)
	d.do("f() { test -t 1; echo $? >&2; }")
	d.want("f; f >/dev/null; test -t 0 </dev/null; echo $?", "0\n1\n1\n") // it asks about the script's files
	if out := d.do("stty raw -echo; echo bad"); out != "bad\n" {
		t.Errorf("not raw: %q", out)
	}
	d.want("stty -a | grep -o -e '[-]*icanon' -e ' [-]*echo ' -e '[-]*isig'", "isig\nicanon\n echo \n")
	d.want("stty -ixon", "") // harmless: it is kept
	d.want("stty -a | grep -o -e '[-]*ixon'", "-ixon\n")
	d.send("read -s x; read y; echo \"<$x:$y>\"\rsecret\rshown\r")
	d.expect("<secret:shown>\r\n")
	d.prompt()
}

func TestWindowSize(t *testing.T) {
	t.Parallel()
	d := talk(t)
	resize := func(columns uint16) {
		t.Helper()
		d.resize(min(columns, 24), columns)
		d.send("\x03")
		d.expect("^C\r\n")
		d.prompt()
	}
	line := strings.Repeat("x", 100)
	for _, tt := range []struct {
		columns uint16
		size    string
		wraps   bool
	}{
		{0, "0 0\n", true}, // taken for 80 columns
		{200, "24 200\n", false},
		{90, "24 90\n", true},
	} {
		resize(tt.columns)
		d.want("stty size", tt.size)
		d.send("echo " + line + "\r")
		if out := d.prompt(); (out != "echo "+line+"\r\n"+line+"\r\n") != tt.wraps {
			t.Errorf("%d columns: %q", tt.columns, out)
		}
	}
	d.send("echo " + line + "\x01\x03") // at its beginning: the next prompt is below all of it
	d.expect("\x1b[B\x1b[")
	d.expect("^C\r\n")
	d.prompt()
	d.send("echo ab")
	d.expect("echo ab")
	d.resize(24, 120)
	d.send("c\r") // the line is drawn anew, and goes on
	d.prompt()
	d.expect("\r\nabc\r\n")
}

// TestBackground: a job of the background neither reads what is typed nor sees ^C.
func TestBackground(t *testing.T) {
	t.Parallel()
	d := talk(t)
	d.do("(exit 7) & p=$!")
	d.want("wait $p; echo $?", "7\n")
	d.do("sh -c 'echo $$ >pid; exec sleep 1000' & until test -s pid; do :; done")
	d.want("test $(cat pid) = $! && echo same", "same\n")
	d.send("echo up; sleep 1000\r")
	d.expect("\r\nup\r\n")
	d.send("\x03")
	d.prompt()
	d.want("kill -0 $!; echo $?", "0\n")
	d.want("kill %1; wait $!; echo $?", "143\n")
	d.do("cat &")
	d.untilJobs("[1]+  Stopped (tty input)        cat")
	d.do("kill %cat") // which may be told at once
	d.untilJobs("")
}

func TestJobControl(t *testing.T) {
	t.Parallel()
	d := talk(t)
	d.stop("sleep 1000", "[1]+  Stopped                    sleep 1000")
	d.want("echo $?", "148\n")
	d.stop("while :; do sleep 1000; done", "[2]+  Stopped                    sleep 1000")
	d.stop("(sleep 1000; echo never)", "[3]+  Stopped                    (sleep 1000; echo never)")
	d.stop("echo x | { sleep 1000; cat; }", "[4]+  Stopped                    echo x | { sleep 1000; cat; }")
	d.want("bg %2", "[2] sleep 1000\n")
	d.want("jobs", `[1]   Stopped                    sleep 1000
[2]   Running                    sleep 1000
[3]-  Stopped                    (sleep 1000; echo never)
[4]+  Stopped                    echo x | { sleep 1000; cat; }
`)
	d.want("kill %1 %2 %3 %4; wait; echo $?", "0\n")
	d.untilJobs("")
	d.stop("sh -c 'sleep 1000; echo never'", "[1]+  Stopped                    sh -c sleep 1000; echo never")
	d.send("fg\r")
	d.expect("fg\r\nsh -c sleep 1000; echo never\r\n")
	d.send("\x03")
	d.prompt()
	d.want("echo $?; jobs", "130\n")
	d.want("fg; echo $?; fg %7; echo $?", "sh: fg: No current job\n2\nsh: fg: %7: no such job\n2\n")
}

// TestStoppedProgramKeepsItsModes: who edits a file, stops and goes on has his screen again, the shell its
// own.
func TestStoppedProgramKeepsItsModes(t *testing.T) {
	t.Parallel()
	d := talk(t)
	d.do("echo 'stty -echo -icanon; echo ready; read x; echo again; read x; stty -a | grep -o -e \" .icanon\"' >f")
	d.send("sh f\r")
	d.expect("\r\nready\r\n")
	d.send("\x1a")
	d.expect("[1]+  Stopped")
	d.prompt()
	d.want("stty -a | grep -o -e '[-]*icanon' -e ' [-]*echo '", "icanon\n echo \n")
	d.send("fg\r")
	d.expect("fg\r\nsh f\r\n")
	d.send("\n")
	d.expect("again\r\n")
	d.send("\n")
	d.expect(" -icanon\r\n")
	d.prompt()
	d.want("stty -a | grep -o -e '[-]*icanon' -e ' [-]*echo '", "icanon\n echo \n")
}

// TestNotices: the end of a job is told before the next prompt; that there are stopped ones, once before the
// shell's end.
func TestNotices(t *testing.T) {
	t.Parallel()
	d := talk(t)
	d.do("sh -c 'read x < p; exit 3' & mkfifo p")
	d.do("echo > p; wait")
	d.do("sleep 1000 &")
	d.do("kill -9 $!")
	d.untilJobs("")
	if !strings.Contains(string(d.seen), "[1]+  Killed                     sleep 1000\r\n") {
		t.Errorf("no notice: %q", d.seen)
	}
	d.stop("sleep 1000", "[1]+  Stopped                    sleep 1000")
	d.want("exit", "You have stopped jobs.\n")
	d.send("exit\r")
	if code := d.end(); code != 148 && code != 1 {
		t.Errorf("exit status %d", code)
	}
}

// TestSearch is ^R.
func TestSearch(t *testing.T) {
	t.Parallel()
	d := talk(t)
	for _, line := range []string{"echo alpha one", "echo beta two", "echo alpha three"} {
		d.do(line)
	}
	for _, tt := range []struct{ keys, want string }{
		{"\x12alpha\r", "alpha three\r\n"},
		{"\x12one\r", "alpha one\r\n"},
		{"\x12alpha\x12\x12\r", "alpha one\r\n"},
		{"\x12bxx\x7f\x7feta\x05 more\r", "beta two more\r\n"},
		{"echo kept\x12alpha\x07\r", "kept\r\n"},
		{"\x12alpha\x03\x03echo clean\r", "clean\r\n"},
		{"echo nothing like it\x12qqq\r", "nothing like it\r\n"},
	} {
		d.send(tt.keys)
		d.expect("\r\n" + tt.want)
		d.prompt()
	}
}

// TestHelp: all that there is, on a screen of 80 columns.
func TestHelp(t *testing.T) {
	t.Parallel()
	d := talk(t)
	d.do("mkdir bin; for name in ls unmistakable-name x y z; do ln -s /bin/ls bin/$name; done; PATH=bin")
	d.resize(24, 80)
	d.send("\x03")
	d.expect("^C\r\n")
	d.prompt()
	out := d.do("help")
	for line := range strings.SplitSeq(out, "\r\n") {
		if len(line) > 80 {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
	for _, name := range []string{"getopts", "umask", "echo", "ls", "unmistakable-name"} {
		if !strings.Contains(out+" ", "  "+name) {
			t.Errorf("no %s in %q", name, out)
		}
	}
	d.want("help fg", "usage: fg [%JOB]\n")
}

// No sequence that a terminal answers is ever sent: no device attributes, status
// report or the like.
func TestAsksNothing(t *testing.T) {
	t.Parallel()
	d := talk(t)
	d.do("echo a")
	d.send("ech\t hello\x01\x05\x1b[A\x1b[B\x0c\x03")
	d.prompt()
	d.send("\x04")
	d.end()
	d.slave.Close()
	for more := range d.output {
		d.seen = append(d.seen, more...)
	}
	for i, c := range d.seen {
		if c != escape {
			continue
		}
		rest := string(d.seen[i:])
		final := strings.IndexFunc(rest[min(2, len(rest)):], func(r rune) bool { return r >= '@' && r <= '~' })
		if !strings.HasPrefix(rest, "\x1b[") || final < 0 || !strings.ContainsRune("ABCDHJK", rune(rest[2+final])) {
			t.Errorf("sends %.10q", rest)
		}
	}
}

func TestHangUp(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"", "sleep 1000\r", "while :; do :; done\r"} {
		for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
			d := talk(t)
			d.send("echo sent\r" + command)
			d.expect("\r\nsent\r\n")
			if err := d.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if code := d.end(); code != 129 {
				t.Errorf("%q: exit status %d", command, code)
			}
			if now := d.modes(); now != d.before {
				t.Errorf("terminal left as\n%+v", now)
			}
		}
	}
	d := talk(t)
	d.slave.Close()
	d.tty.Close()
	d.end()
}

func TestProfile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "profile")
	if err := os.WriteFile(file, []byte("alias hello='echo hello'\nexport FROM=profile\nnosuch\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := talk(t, "TEST_PROFILE="+file)
	d.want("hello; printenv FROM", "hello\nprofile\n")
}

// TestAskedForHelp: nobody loses his session for it.
func TestAskedForHelp(t *testing.T) {
	t.Parallel()
	d := talk(t)
	for _, command := range []string{"exit", "logout", "exec"} {
		for _, option := range []string{"--help", "-h", "--frobnicate"} {
			if out := d.do(command + " " + option + " 2>&1; echo still here"); !strings.Contains(out, "usage: ") || !strings.HasSuffix(out, "\nstill here\r\n") {
				t.Errorf("%s %s: %q", command, option, out)
			}
		}
	}
}
