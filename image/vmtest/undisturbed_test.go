package vmtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// gcRoom is how much more memory, in kB, a program may have after fifty further changes: one in Go collects
// what is not in use when there are 4 MB of it, and has had these by then.
const gcRoom = 4096

// hundred has the appliance be two sites by turns, a hundred times, while a host of the LAN talks to the
// Internet by TCP and ping, and another administrator is logged in. The two differ in a host, a network with
// a VLAN, a rule, and a list.
func hundred(ctx context.Context, t *testing.T, c *changing) {
	other := c.copied(t)
	other.add(t, "hosts", "192.168.32.70 tablet\n192.168.33.5 sensor\n")
	other.add(t, "ethers", "00:00:5e:00:53:70 tablet\n00:00:5e:00:53:71 sensor\n")
	other.write(t, "blocked.list", "198.51.100.64/26\n203.0.113.0/24\n")
	other.add(t, "site.toml", `
[[lan]]
name      = "things"
interface = "eth1"
vlan      = 20
ipv4      = "192.168.33.1/24"
pool      = "192.168.33.100-192.168.33.199"

[firewall.list]
blocked = "blocked.list"

[[firewall.deny]]
name = "blocked"
from = "any"
to   = "blocked"

[[firewall.allow]]
name    = "sensor"
from    = "lan"
to      = "sensor"
service = "https"
`)
	c.put(ctx, t, other, "/run/other")
	c.must(ctx, t, "gatehouse site /run/one")
	before := c.clean(ctx, t, "before")
	talk := converse(ctx, t, c.wan, c.from)
	pings := [2]*pinger{ping(t, c.from, internet), ping(t, c.from, c.address)}
	session := logIn(t, c.admin)

	// Init has words for the console too, so what the commands say goes elsewhere.
	const turn = "gatehouse apply /run/%s && gatehouse confirm; "
	turns := func(n int) {
		typed(ctx, t, c.vm, fmt.Sprintf("for i in $(seq %d); do "+turn+turn+"done >/run/said 2>&1", n, "other", "one"))
		said := c.must(ctx, t, "cat /run/said")
		if kept := strings.Count(said, "is kept."); kept != 2*n {
			t.Fatalf("%d of %d changes were made:\n%s", kept, 2*n, said)
		}
	}
	begin := time.Now()
	turns(5)
	ten := c.resident(ctx, t, before)
	session.answers(t)
	turns(20)
	fifty := c.resident(ctx, t, before)
	session.answers(t)
	turns(25)
	all := c.resident(ctx, t, before)
	took := time.Since(begin)
	session.answers(t)
	talk.end(t)
	for _, p := range pings {
		p.end(t)
	}
	t.Logf("a change and its confirmation take %v; kB after 10, 50, 100: %v, %v, %v", took/100, ten, fifty, all)
	for name, kb := range all {
		if kb > fifty[name]+gcRoom {
			t.Errorf("%s has grown from %d to %d kB", name, fifty[name], kb)
		}
	}
	restarted(t, "after a hundred changes", c.kept(ctx, t, "after a hundred changes"), before.Services)
	rulesHold(ctx, t, c.admin)
}

// put copies a site to a directory of the appliance.
func (c *changing) put(ctx context.Context, t *testing.T, w *workstation, dir string) {
	t.Helper()
	names, err := filepath.Glob(w.site + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		base := filepath.Base(name)
		// What a shell takes for a word of its own is in none of these files.
		c.must(ctx, t, fmt.Sprintf("mkdir -p %s && cat >%[1]s/%s <<'THE-END'\n%sTHE-END", dir, base, w.read(t, base)))
	}
}

// resident is how much memory of their own init and the services have, in kB.
func (c *changing) resident(ctx context.Context, t *testing.T, s status) map[string]int {
	t.Helper()
	all := map[string]int{"init": c.memory(ctx, t, "/proc/1/status", "RssAnon")}
	for _, s := range s.Services {
		all[s.Name] = c.memory(ctx, t, fmt.Sprintf("/proc/%d/status", s.PID), "RssAnon")
	}
	return all
}

// memory reads a line like "RssAnon: 123 kB".
func (a admin) memory(ctx context.Context, t *testing.T, file, name string) int {
	t.Helper()
	text := a.must(ctx, t, "grep ^"+name+": "+file)
	if f := strings.Fields(text); len(f) == 3 {
		if kb, err := strconv.Atoi(f[1]); err == nil {
			return kb
		}
	}
	t.Fatalf("%s of %s is %q", name, file, text)
	return 0
}

// A conversation goes to the Internet and comes back, without a pause.
type conversation struct {
	conn net.Conn
	stop chan struct{}
	over chan error
	n    int64 // bytes that came back
}

// echo is a server of the Internet that sends back what it gets (RFC 862), to the first who comes.
const echo = internet + ":7"

// converse has the Internet, which is on wan, talk to a host.
func converse(ctx context.Context, t *testing.T, wan, from *testnet.Namespace) *conversation {
	t.Helper()
	var l net.Listener
	err := wan.Do(func() (err error) {
		l, err = net.Listen("tcp", echo)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = io.Copy(conn, conn) // who waits for it notices
			conn.Close()
		}
	}()
	conn, err := connect(ctx, from, echo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	v := &conversation{conn: conn, stop: make(chan struct{}), over: make(chan error, 2)}
	go func() { v.over <- v.send() }()
	go func() { v.over <- v.receive() }()
	return v
}

const (
	blockSize  = 16 << 10
	blockPause = 20 * time.Millisecond // leaves the machine time for other things
)

// block fills b with what nobody else would send there.
func block(r *rand.ChaCha8, b []byte) { _, _ = r.Read(b) } // never fails

func (v *conversation) send() error {
	r, b := rand.NewChaCha8([32]byte{1}), make([]byte, blockSize)
	for {
		select {
		case <-v.stop:
			return v.conn.(*net.TCPConn).CloseWrite()
		case <-time.After(blockPause):
		}
		block(r, b)
		if _, err := v.conn.Write(b); err != nil {
			return err
		}
	}
}

func (v *conversation) receive() error {
	r, want, got := rand.NewChaCha8([32]byte{1}), make([]byte, blockSize), make([]byte, blockSize)
	for {
		if _, err := io.ReadFull(v.conn, got); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if block(r, want); !bytes.Equal(got, want) {
			return fmt.Errorf("after %d bytes something else came back than was sent", v.n)
		}
		v.n += blockSize
	}
}

// end ends the conversation, of which not a byte may be missing.
func (v *conversation) end(t *testing.T) {
	t.Helper()
	_ = v.conn.SetDeadline(time.Now().Add(Guard))
	close(v.stop)
	if err := errors.Join(<-v.over, <-v.over); err != nil {
		t.Errorf("the TCP conversation: %v", err)
	}
	t.Logf("%d bytes went to the Internet and came back", v.n)
}

// A pinger asks ten times a second.
type pinger struct {
	*testnet.Process
	to string
}

func ping(t *testing.T, from *testnet.Namespace, to string) *pinger {
	t.Helper()
	return &pinger{from.Start(exec.Command("ping", "-n", "-i", "0.1", to)), to}
}

// end ends it. No answer may be missing before the last one that came.
func (p *pinger) end(t *testing.T) {
	t.Helper()
	p.Signal(syscall.SIGINT)
	if err := p.Wait(t.Context()); err != nil {
		t.Errorf("ping %s: %v", p.to, err)
	}
	var last int
	for line := range strings.Lines(p.Output()) {
		_, number, ok := strings.Cut(line, "icmp_seq=")
		if !ok {
			continue
		}
		number, _, _ = strings.Cut(number, " ")
		if n, err := strconv.Atoi(number); err != nil || n != last+1 {
			t.Errorf("ping %s: after answer %d came %s", p.to, last, line)
		}
		last++
	}
	if last < 50 {
		t.Errorf("ping %s: %d answers only", p.to, last)
	}
	t.Logf("%d answers to ping %s", last, p.to)
}

// A login is a session that is open all the while.
type login struct {
	in  io.Writer
	out *bufio.Reader
	n   int
}

func logIn(t *testing.T, a admin) *login {
	t.Helper()
	cmd := exec.Command("ssh", slices.Concat(a.options(), []string{"admin@" + a.address, "cat"})...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.from.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the open session: %v", err)
		}
	})
	l := &login{in: in, out: bufio.NewReader(out)}
	l.answers(t)
	return l
}

// answers says something, and waits for its echo.
func (l *login) answers(t *testing.T) {
	t.Helper()
	l.n++
	line := fmt.Sprintf("line %d\n", l.n)
	if _, err := io.WriteString(l.in, line); err != nil {
		t.Fatalf("the open session: %v", err)
	}
	if got, err := l.out.ReadString('\n'); err != nil || got != line {
		t.Fatalf("the open session says %q, %v, want %q", got, err, line)
	}
}
