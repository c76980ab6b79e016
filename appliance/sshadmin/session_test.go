package sshadmin_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	d := start(t, func(c *sshcfg.Config) { c.Env = []string{"EDITOR=ed", "PATH=/bin:/usr/bin"} })
	tests := []struct {
		command, stdin string
		want           outcome
	}{
		{"true", "", outcome{}},
		{"exit 7", "", outcome{status: 7}},
		{"no-such-command 2>/dev/null", "", outcome{status: 127}},
		{"kill -TERM $$", "", outcome{status: 255}}, // ssh(1): "255 if an error occurred", also for a signal
		{"echo out; echo err >&2; exit 3", "", outcome{3, "out\n", "err\n"}},
		{"while ! grep -qx 500 /proc/self/oom_score_adj; do sleep 0.05; done; echo goes first", "", outcome{stdout: "goes first\n"}},
		{"cat", "from the client", outcome{stdout: "from the client"}},
		{"read line; echo got $line", "first\nsecond\n", outcome{stdout: "got first\n"}},
		{"exec <&-; echo done", strings.Repeat("x", 1<<20), outcome{stdout: "done\n"}},
		{"echo $EDITOR $PATH $HOME $USER $SHELL", "", outcome{stdout: "ed /bin:/usr/bin /root root /bin/sh\n"}},
		{"echo ${TERM-none} ${SSH_TTY-none}", "", outcome{stdout: "none none\n"}},
		{"set -- $SSH_CONNECTION; echo $1 $3 $4", "", outcome{stdout: fmt.Sprintf("127.0.0.1 127.0.0.1 %d\n", d.addr.Port())}},
		{"test -t 0 || echo no terminal", "", outcome{stdout: "no terminal\n"}},
	}
	for _, tt := range tests {
		if got := run(t, d.ssh(t, nil, tt.command), strings.NewReader(tt.stdin)); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.command, got, tt.want)
		}
	}
}

// TestShellWithoutTerminal: `ssh host < script`.
func TestShellWithoutTerminal(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	got := run(t, d.ssh(t, []string{"-T"}), strings.NewReader("echo $((6 * 7))\nexit 5\n"))
	if want := (outcome{status: 5, stdout: "42\n"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestLocale: the client's locale passes, nothing else does.
func TestLocale(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	got := run(t, d.ssh(t, []string{"-o", "SetEnv=LC_TIME=C LD_PRELOAD=/evil.so"}, "echo $LC_TIME ${LD_PRELOAD-unset}"), nil)
	if got.stdout != "C unset\n" {
		t.Errorf("%+v", got)
	}
}

// TestBulk: what is large arrives whole, both ways.
func TestBulk(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	data := make([]byte, 10<<20)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bulk")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run(t, d.ssh(t, nil, "cat "+file), nil); got.stdout != string(data) {
		t.Errorf("down: %d bytes arrived, or others than the %d sent", len(got.stdout), len(data))
	}
	if got := run(t, d.ssh(t, nil, "cat >"+file+".up"), bytes.NewReader(data)); got.status != 0 {
		t.Errorf("up: %+v", got)
	}
	if got := readFile(t, file+".up"); got != string(data) {
		t.Errorf("up: %d bytes arrived, or others than the %d sent", len(got), len(data))
	}
	if got := run(t, d.ssh(t, nil, "cat"), bytes.NewReader(data)); got.stdout != string(data) {
		t.Errorf("both ways: %d bytes arrived, or others than the %d sent", len(got.stdout), len(data))
	}
}

// console is an OpenSSH client on a terminal of its own.
type console struct {
	tty  *os.File
	read chan string // everything shown so far
	done chan error
}

// openConsole runs ssh -t on a terminal of 33 rows and 101 columns.
func openConsole(t *testing.T, d *daemon, command ...string) *console {
	t.Helper()
	cmd := d.ssh(t, []string{"-t"}, command...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 33, Cols: 101})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	c := &console{tty: tty, read: make(chan string, 1), done: make(chan error, 1)}
	c.read <- ""
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			c.read <- <-c.read + string(buf[:n])
			if err != nil {
				c.done <- cmd.Wait()
				return
			}
		}
	}()
	return c
}

// shown returns everything shown so far.
func (c *console) shown() string {
	s := <-c.read
	c.read <- s
	return s
}

func (c *console) expect(t *testing.T, want string) {
	t.Helper()
	end := time.Now().Add(patience)
	for !strings.Contains(c.shown(), want) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %q; the terminal shows:\n%s", want, c.shown())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (c *console) send(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(c.tty, keys); err != nil {
		t.Fatal(err)
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	c := openConsole(t, d)
	c.send(t, "PS1='ready> '; stty size; echo $TERM; tty\r")
	c.expect(t, "33 101\r\nxterm\r\n/dev/pts/")
	if err := pty.Setsize(c.tty, &pty.Winsize{Rows: 40, Cols: 132}); err != nil {
		t.Fatal(err)
	}
	// The new size arrives some time after the terminal changed here.
	c.send(t, "while [ \"$(stty size)\" != '40 132' ]; do :; done; echo re''sized\r")
	c.expect(t, "resized\r\n")
	c.send(t, "sleep 1000; echo inter''rupted\r")
	time.Sleep(200 * time.Millisecond) // so that ^C mostly meets the sleep; it may as well meet the prompt
	c.send(t, "\x03")
	c.send(t, "\rstty -opost; printf 'a\\nb'; stty opost; exit 9\r")
	c.expect(t, "a\nb") // an output in raw mode is left as it is
	if err := <-c.done; err == nil || err.Error() != "exit status 9" {
		t.Errorf("ssh ended with %v, want exit status 9; the terminal shows:\n%s", err, c.shown())
	}
}

// TestErase: a character of two bytes is erased as one.
func TestErase(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	c := openConsole(t, d, "echo up; read x; echo \"<$x>\"")
	c.expect(t, "up") // before that, the terminal here would erase
	c.send(t, "aé\x7fb\r")
	c.expect(t, "<ab>")
}

// TestNothingStays: a session leaves no open file and no goroutine behind.
func TestNothingStays(t *testing.T) { // not parallel: it counts
	d := start(t, nil)
	count := func() (files, goroutines int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries), runtime.NumGoroutine()
	}
	run(t, d.ssh(t, nil, "true"), nil)
	time.Sleep(100 * time.Millisecond) // let the first connection end
	files, goroutines := count()
	for _, options := range [][]string{nil, {"-tt"}, {"-l", "nobody"}} {
		for range 3 {
			run(t, d.ssh(t, options, "echo x; exec >&- 2>&-; sleep 0.01"), nil)
		}
	}
	eventually(t, "end of what the sessions opened", func() bool {
		f, g := count()
		return f <= files && g <= goroutines
	})
}

// TestTerminalOutput: all that was written before the end is shown, also when a
// program in the background keeps the terminal open.
func TestTerminalOutput(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	c := openConsole(t, d, "sleep 1000 & seq 20000; echo last")
	if err := <-c.done; err != nil {
		t.Fatal(err)
	}
	shown := c.shown()
	if !strings.Contains(shown, "19999\r\n20000\r\nlast\r\n") {
		t.Errorf("the output ends with %q", shown[max(0, len(shown)-200):])
	}
}

// TestEndOfInput: a client that closes its input ends a program that reads a
// terminal.
func TestEndOfInput(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	got := run(t, d.ssh(t, []string{"-tt"}, "cat >/dev/null; echo end"), strings.NewReader("text\n"))
	if !strings.HasSuffix(got.stdout, "end\r\n") || got.status != 0 {
		t.Errorf("%+v", got)
	}
}

// TestHangUp: when the client goes away, so does what it ran, and a program that
// ignores the hang-up is killed.
func TestHangUp(t *testing.T) {
	t.Parallel()
	for _, ignore := range []string{"", "trap '' HUP TERM; "} {
		for _, options := range [][]string{{"-T"}, {"-tt"}} {
			t.Run(ignore+options[0], func(t *testing.T) {
				t.Parallel()
				hangUp(t, start(t, nil).ssh(t, options, ignore+"echo pid $$ .; while :; do sleep 0.1; done"))
			})
		}
	}
}

// hangUp starts cmd, which tells the id of the process that it has started on the
// appliance, kills it, and waits for the end of that process.
func hangUp(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe() // held open: the end of input is no hang-up
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "pid %d .", &pid); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	eventually(t, "end of the process", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
}

// TestNothingRemains: what ignores the hang-up, and what has a session of its own, ends with the session;
// other sessions of the same connection go on.
func TestNothingRemains(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	client := d.dial(t)
	stays, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := stays.Start("sleep 1000"); err != nil {
		t.Fatal(err)
	}
	for _, start := range []string{"trap '' HUP; sleep 1000", "setsid sleep 1000", "setsid sh -c 'trap \"\" HUP; sleep 1000; true'"} {
		sess, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		out, err := sess.Output(start + " >/dev/null 2>&1 </dev/null & echo $!")
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, start+" has ended", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	}
	if err := stays.Signal(gossh.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *gossh.ExitError
	if err := stays.Wait(); !errors.As(err, &exit) || exit.Signal() != "TERM" {
		t.Errorf("the other session ended with %v, want signal TERM", err)
	}
}

// TestSignals: signals pass both ways by name (RFC 4254 sections 6.9 and 6.10).
func TestSignals(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	client := d.dial(t)
	for _, terminal := range []bool{false, true} {
		sess, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if terminal {
			if err := sess.RequestPty("xterm", 24, 80, nil); err != nil {
				t.Fatal(err)
			}
		}
		out, err := sess.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := sess.Start("trap 'echo caught; kill -KILL $$' USR1; echo up; while :; do sleep 0.05; done"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		if err := sess.Signal(gossh.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(out)
		var exit *gossh.ExitError
		if err := sess.Wait(); !errors.As(err, &exit) || exit.Signal() != "KILL" {
			t.Errorf("ended with %v, want signal KILL", err)
		}
		if !bytes.Contains(rest, []byte("caught")) {
			t.Errorf("output %q, want: caught", rest)
		}
	}
}

func TestTooManySessions(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	client := d.dial(t)
	for range 10 {
		sess, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		defer sess.Close()
	}
	var refused *gossh.OpenChannelError
	if _, err := client.NewSession(); !errors.As(err, &refused) || refused.Reason != gossh.ResourceShortage {
		t.Errorf("session 11: %v, want: resource shortage", err)
	}
}

// TestMemoryForSessions: who comes when all sessions are taken hears it, and status says who has them. One
// address leaves two to others.
func TestMemoryForSessions(t *testing.T) {
	t.Parallel()
	d := start(t, func(c *sshcfg.Config) { c.MaxSessions = 5 })
	var last *gossh.Session
	for range 3 {
		s, err := d.dial(t).NewSession()
		if err != nil {
			t.Fatal(err)
		}
		last = s
	}
	_, err := d.dial(t).NewSession()
	if err == nil || !strings.Contains(err.Error(), "3 sessions are open from your address, which is all that one may have") {
		t.Errorf("a fourth session: %v", err)
	}
	want := []string{"No further session can begin from one source, which has 3 of 5: 127.0.0.1 someone@example (3)."}
	if got := d.problems(t); !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
	cfg := d.cfg
	cfg.MaxSessions = 3
	if err := d.s.Reconfigure(cfg); err != nil {
		t.Fatal(err)
	}
	_, err = d.dial(t).NewSession()
	if err == nil || !strings.Contains(err.Error(), "3 sessions are open, which is all that this machine has memory for") {
		t.Errorf("a fourth session: %v", err)
	}
	want = []string{"No further session can begin, 3 are open: of 127.0.0.1 someone@example (3)."}
	if got := d.problems(t); !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
	cfg.MaxSessions = 5
	if err := d.s.Reconfigure(cfg); err != nil {
		t.Fatal(err)
	}
	last.Close()
	eventually(t, "there is room again", func() bool { return len(d.problems(t)) == 0 })
	if got := run(t, d.ssh(t, nil, "echo in"), nil); got.stdout != "in\n" {
		t.Errorf("%+v", got)
	}
}

// TestHugePackets: who has not logged in is not given the room that he asks for.
func TestHugePackets(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	c := d.connect(t)
	if _, err := io.WriteString(c, "SSH-2.0-huge\r\n\x00\x04\x00\x00\x04"); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); os.IsTimeout(err) {
		t.Error("the server waits for the rest of 256 kB")
	}
	_, err := gossh.Dial("tcp", d.addr.String(), &gossh.ClientConfig{
		User: strings.Repeat("x", 1<<17), HostKeyCallback: gossh.InsecureIgnoreHostKey(),
	})
	if err == nil {
		t.Error("a name of 128 kB has logged in")
	}
	for _, want := range []string{`cause="a packet of 262144 bytes before there are keys"`, `cause="more than 65536 bytes before a login"`} {
		eventually(t, want+" in the log", func() bool { return strings.Contains(d.log.String(), want) })
	}
}

// TestKeepAlive: a client with a session that answers no more is hung up.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	d := start(t, func(c *sshcfg.Config) { c.KeepAlive = 2 * time.Second })
	cmd := d.ssh(t, nil, "echo pid $$ .; exec sleep 1000")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "pid %d .", &pid); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second) // two signs of life, for each of which there are two seconds
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the program of a living client is gone: %v", err)
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "end of the program", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
}

// TestStop: the end of the server is orderly: clients learn how their program
// ended, and Serve returns nil.
func TestStop(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	sess, err := d.dial(t).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := sess.Start("exec sleep 1000"); err != nil {
		t.Fatal(err)
	}
	idle := d.connect(t)
	d.stop()
	var exit *gossh.ExitError
	if err := sess.Wait(); !errors.As(err, &exit) || exit.Signal() != "HUP" {
		t.Errorf("session ended with %v, want signal HUP", err)
	}
	err = <-d.stopped
	if err != nil {
		t.Errorf("Open: %v", err)
	}
	d.stopped <- err // for the clean-up
	if err := idle.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, idle); os.IsTimeout(err) {
		t.Error("a connection before its login is still open")
	}
}

// TestOpenRefuses: what cannot be served is said at once.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	key := newKey(t, t.TempDir(), "ed25519")
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	taken := netip.MustParseAddrPort(other.Addr().String())
	tests := []struct {
		change func(*sshcfg.Config)
		want   string
	}{
		{func(c *sshcfg.Config) { c.AuthorizedKeys = nil }, "no usable authorized key"},
		{func(c *sshcfg.Config) { c.Listen = nil }, "no address to listen on"},
		{func(c *sshcfg.Config) { c.Listen[0].Address = taken }, "address already in use"},
		{func(c *sshcfg.Config) { c.Shell = "sh" }, `shell "sh" is no absolute path`},
	}
	for _, tt := range tests {
		cfg := config(t, t.TempDir(), key)
		tt.change(&cfg)
		_, err := sshadmin.Open(cfg, sshadmin.Options{Log: (&journal{}).logger(), Uptime: func() time.Duration { return 0 }})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Open: %v, want: %s", err, tt.want)
		}
	}
}
