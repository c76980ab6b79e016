package run

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel/kerneltest"
)

// peersDir is where image/packages.sh unpacks programs that are not to be installed: no two of those that keep a
// clock can be.
const peersDir = "/var/lib/gatehouse-peers"

// peer is a program of a package there, without the right to set the machine's clock, whatever it tries.
func peer(t *testing.T, pkg, program string, args ...string) *exec.Cmd {
	t.Helper()
	path := filepath.Join(peersDir, pkg, program)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: image/packages.sh test unpacks %s", err, pkg)
	}
	return clockless(t, path, args...)
}

// clockless is a program that may not set the clock.
func clockless(t *testing.T, path string, args ...string) *exec.Cmd {
	t.Helper()
	setpriv := testnet.Need(t, "setpriv", "util-linux")
	cmd := exec.Command(setpriv, append([]string{"--bounding-set=-sys_time", "--inh-caps=-sys_time", path}, args...)...)
	// ntpdig is Python, and its modules are unpacked too.
	cmd.Env = append(os.Environ(), "PYTHONPATH="+peersDir+"/python3-ntp/usr/lib/python3/dist-packages",
		"LD_LIBRARY_PATH="+peersDir+"/python3-ntp/usr/lib/x86_64-linux-gnu/ntp")
	return cmd
}

// run runs a peer to its end, and returns what it says.
func (l *lab) run(cmd *exec.Cmd) string {
	l.t.Helper()
	p := l.client.Start(cmd)
	ctx, cancel := context.WithTimeout(l.t.Context(), 40*time.Second)
	defer cancel()
	if err := p.Wait(ctx); err != nil {
		l.t.Fatalf("%v: %v\n%s", cmd.Args, err, p.Output())
	}
	return p.Output()
}

// A lab is the service on the lan of a router, with a clock of its own, and a client there.
type lab struct {
	t              *testing.T
	router, client *testnet.Namespace
	clock          *kerneltest.Clock
	dir            string
	log            lockedBuffer
	outside        bool // there is a wan
	*Service
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newLab(t *testing.T, ahead time.Duration) *lab {
	l := &lab{t: t, router: testnet.New(t, "router"), client: testnet.New(t, "client"), dir: t.TempDir(),
		clock: kerneltest.New(ahead, 0)}
	l.router.Connect("lan", l.client, "eth0")
	for _, addr := range []string{"192.0.2.1/24", "2001:db8::1/64", "fe80::1/64"} {
		l.router.Run("ip", "addr", "add", addr, "dev", "lan", "nodad")
	}
	for _, addr := range []string{"192.0.2.10/24", "2001:db8::10/64", "fe80::10/64"} {
		l.client.Run("ip", "addr", "add", addr, "dev", "eth0", "nodad")
	}
	return l
}

// serve starts the service, until the test ends or stop is called.
func (l *lab) serve(conf ntp.Config) (stop func()) {
	l.t.Helper()
	began := time.Now()
	err := l.router.Do(func() (err error) {
		l.Service, err = Open(conf, Options{
			Log: slog.New(slog.NewTextHandler(&l.log, nil)), StateDir: l.dir, Kernel: l.clock, Rand: rand.Uint64,
			NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), WatchSet: func(ctx context.Context, _ func()) error { <-ctx.Done(); return nil },
			Uptime: func() time.Duration { return time.Since(began) + time.Hour },
		})
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- l.router.Do(func() error {
			return l.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		l.t.Fatalf("the service has ended: %v", err)
	}
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			l.t.Error(err)
		}
	})
	l.t.Cleanup(stop)
	return stop
}

// upstream is a server of the world outside, chronyd, that has stratum 2 by its own word; it returns the Config by which
// it is followed.
func (l *lab) upstream() ntp.Config {
	l.t.Helper()
	return ntp.Config{Links: []string{"lan"}, Sources: []ntp.Source{{Addrs: []netip.Addr{l.chronyd("up", 9, "local stratum 2")}}}}
}

// chronyd starts a server in a namespace of its own, and returns its address: 198.51.100.N.
func (l *lab) chronyd(name string, n byte, lines ...string) netip.Addr {
	l.t.Helper()
	up := testnet.New(l.t, name)
	if !l.outside {
		l.router.Bridge("wan")
		l.router.AddAddr("wan", "198.51.100.1/24")
		l.outside = true
	}
	l.router.Plug("wan", up, "eth0")
	addr := netip.AddrFrom4([4]byte{198, 51, 100, n})
	up.AddAddr("eth0", addr.String()+"/24")
	dir := l.t.TempDir()
	private(l.t, dir)
	up.Start(peer(l.t, "chrony", "usr/sbin/chronyd", append([]string{"-x", "-d", "-u", "root", "allow", "cmdport 0",
		"bindcmdaddress " + dir + "/chronyd.sock", "pidfile " + dir + "/pid"}, lines...)...))
	return addr
}

// synchronise waits until the service is synchronised.
func (l *lab) synchronise() {
	l.t.Helper()
	testnet.Eventually(l.t, 20*time.Second, "it is synchronised", func() bool {
		r, _, _ := l.reports.current()
		return r.Synchronised
	})
}

// find finds the first group of an expression in what a peer says.
func find(t *testing.T, text, expression string) string {
	t.Helper()
	m := regexp.MustCompile(expression).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%s is not in\n%s", expression, text)
	}
	return m[len(m)-1]
}

var servers = map[string]string{"IPv4": "192.0.2.1", "IPv6": "2001:db8::1"}

// TestChronyOnce: chronyd looks at the time, by both families, and sees by how much its own is wrong.
func TestChronyOnce(t *testing.T) {
	l := newLab(t, 300*time.Second)
	l.serve(ntp.Config{Links: []string{"lan"}, LocalStratum: 9})
	for family, server := range servers {
		out := l.run(peer(t, "chrony", "usr/sbin/chronyd", "-x", "-Q", "-u", "root", "-t", "20", "server "+server+" iburst maxsamples 4"))
		if got := find(t, out, `System clock wrong by (\S+) seconds`); !strings.HasPrefix(got, "300.0") && !strings.HasPrefix(got, "299.9") {
			t.Errorf("%s: wrong by %s:\n%s", family, got, out)
		}
	}
	if c := l.server.Counts(); c.Answered < 6 || c.Rated > 0 || c.Unanswered > 0 {
		t.Errorf("%+v", c)
	}
}

// TestChronyTracks: stratum, root delay and dispersion are those that are said.
func TestChronyTracks(t *testing.T) {
	for family, server := range servers {
		t.Run(family, func(t *testing.T) {
			l := newLab(t, 0)
			l.serve(l.upstream())
			l.synchronise()
			dir := t.TempDir()
			private(t, dir)
			socket := filepath.Join(dir, "chronyd.sock")
			l.client.Start(peer(t, "chrony", "usr/sbin/chronyd", "-x", "-d", "-u", "root", "server "+server+" iburst minpoll 0 maxpoll 0",
				"bindcmdaddress "+socket, "pidfile "+dir+"/pid", "cmdport 0"))
			chronyc := func(what string) string {
				out, _ := l.client.Try(filepath.Join(peersDir, "chrony/usr/bin/chronyc"), "-h", socket, "-n", what)
				return out
			}
			testnet.Eventually(t, 30*time.Second, "it is synchronised", func() bool {
				return strings.Contains(chronyc("tracking"), "Leap status     : Normal")
			})
			out := chronyc("tracking")
			if got := find(t, out, `Stratum +: (\d+)`); got != "4" {
				t.Errorf("stratum %s:\n%s", got, out)
			}
			data := chronyc("ntpdata")
			for line, want := range map[string]string{
				"Stratum": "3", "Leap status": "Normal", "Version": "4", "Mode": "Server", "Reference ID": "C6336409 (198.51.100.9)", "Interleaved": "No", "RX timestamping": "Kernel",
			} {
				if got := find(t, data, line+` +: ([^\n]+)`); strings.TrimSpace(got) != want {
					t.Errorf("%s: %s, want %s", line, got, want)
				}
			}
		})
	}
}

// private has a directory be for its owner alone, as chronyd wants it.
func private(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestNTPd is ntpsec's: it takes the server for its own.
func TestNTPd(t *testing.T) {
	for family, server := range servers {
		t.Run(family, func(t *testing.T) {
			l := newLab(t, 0)
			l.serve(l.upstream())
			l.synchronise()
			l.client.Up("lo")
			conf := filepath.Join(t.TempDir(), "ntp.conf")
			// It sends its first questions within 2 s, and steers no clock.
			text := "server " + server + " iburst minpoll 3 maxpoll 3\ndisable ntp\ntos minsane 1 minclock 1\nrestrict default nopeer\nrestrict 127.0.0.1\n"
			if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			l.client.Start(peer(t, "ntpsec", "usr/sbin/ntpd", "-n", "-c", conf))
			ntpq := func(args ...string) string {
				cmd := peer(t, "ntpsec", "usr/bin/ntpq", append(args, "127.0.0.1")...)
				p := l.client.Start(cmd)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_ = p.Wait(ctx) // while nobody answers
				return p.Output()
			}
			testnet.Eventually(t, 50*time.Second, "it is synchronised", func() bool {
				return strings.Contains(ntpq("-n", "-p"), "*"+server)
			})
			out := ntpq("-c", "rv 0 stratum,leap")
			if find(t, out, `stratum=(\d+)`) != "4" {
				t.Errorf("it says of itself: %s", out)
			}
			// 'reach' has a bit for each answer, and refid is what we say.
			out = ntpq("-n", "-p")
			if find(t, out, regexp.QuoteMeta("*"+server)+` +(\S+) +3 `) != "198.51.100.9" {
				t.Errorf("it says of its peers:\n%s", out)
			}
		})
	}
}

// TestNTPDig asks once, as sntp does, a clock of its own.
func TestNTPDig(t *testing.T) {
	l := newLab(t, -2*time.Hour)
	l.serve(ntp.Config{Links: []string{"lan"}, LocalStratum: 9})
	for family, server := range servers {
		out := l.run(peer(t, "ntpsec-ntpdig", "usr/bin/ntpdig", "-j", server))
		if find(t, out, `"stratum":(\d+)`) != "9" || !strings.HasPrefix(find(t, out, `"offset":(\S+),`), "-7") {
			t.Errorf("%s: %s", family, out)
		}
	}
}

// TestNotSynchronisedToPeers: nobody takes the time of a clock that is not right.
func TestNotSynchronisedToPeers(t *testing.T) {
	l := newLab(t, time.Hour)
	l.serve(ntp.Config{Links: []string{"lan"}})
	p := l.client.Start(peer(t, "chrony", "usr/sbin/chronyd", "-x", "-Q", "-u", "root", "-t", "5", "server 192.0.2.1 iburst maxsamples 4"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.Wait(ctx); err == nil || !strings.Contains(p.Output(), "Timeout reached") || strings.Contains(p.Output(), "wrong by") {
		t.Errorf("chronyd: %v\n%s", err, p.Output())
	}
	p = l.client.Start(peer(t, "ntpsec-ntpdig", "usr/bin/ntpdig", "192.0.2.1"))
	if err := p.Wait(ctx); err == nil || !strings.Contains(p.Output(), "no eligible servers") {
		t.Errorf("ntpdig: %v\n%s", err, p.Output())
	}
	if c := l.server.Counts(); c.Unsynchronised < 2 || c.Answered > 0 {
		t.Errorf("%+v", c)
	}
}

// TestTimesyncd is systemd's, which speaks SNTP with checks of its own.
func TestTimesyncd(t *testing.T) {
	for family, server := range servers {
		t.Run(family, func(t *testing.T) {
			l := newLab(t, 0)
			l.serve(l.upstream())
			l.synchronise()
			dir := t.TempDir()
			script := filepath.Join(dir, "timesyncd")
			daemon := copied(t, dir, peer(t, "systemd-timesyncd", "lib/systemd/systemd-timesyncd"))
			text := "#!/bin/sh\nmkdir -p /run/systemd/timesyncd.conf.d /run/systemd/netif/links\n" +
				"printf '[Time]\\nNTP=" + server + "\\nFallbackNTP=\\n' >/run/systemd/timesyncd.conf.d/test.conf\n" +
				"SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=debug exec " + strings.Join(daemon.Args, " ") + "\n"
			if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
			p := l.client.Alone(dir, "/bin/sh", script)
			testnet.Eventually(t, 20*time.Second, "it has an answer", func() bool { return strings.Contains(p.Output(), "NTP response:") })
			out := p.Output()
			for line, want := range map[string]string{"leap": "0", "version": "4", "mode": "4", "stratum": "3", "root distance": "0.00"} {
				if got := find(t, out, "  "+line+` +: (\S+)`); !strings.HasPrefix(got, want) {
					t.Errorf("%s: %s, want %s", line, got, want)
				}
			}
			// It believes the answer: then it would set the clock, which it may not here.
			testnet.Eventually(t, 20*time.Second, "it wants to set the clock", func() bool {
				return strings.Contains(p.Output(), "clock_adjtime(): Operation not permitted")
			})
		})
	}
}

// copied has a peer lie in a directory, for one that sees no other, and run as nobody.
func copied(t *testing.T, dir string, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	cmd.Args = slices.Insert(cmd.Args, 1, "--reuid=65534", "--regid=65534", "--clear-groups") // root would want it all
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program := &cmd.Args[len(cmd.Args)-1]
	b, err := os.ReadFile(*program)
	if err == nil {
		*program = filepath.Join(dir, filepath.Base(*program)+".peer")
		err = os.WriteFile(*program, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}
