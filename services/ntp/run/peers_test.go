package run

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/ntp"
)

// peersDir is where image/packages.sh puts programs that are not to be installed: no two of those that keep a
// clock can be.
const peersDir = "/var/lib/gatehouse-peers"

// peer is a program of a package there, without the right to set the machine's clock, whatever it tries.
func peer(t *testing.T, pkg, program string, args ...string) *exec.Cmd {
	t.Helper()
	path := filepath.Join(peersDir, pkg, program)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: image/packages.sh test sees to %s", err, pkg)
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
	if c := l.status().Answers; c.Answered < 6 || c.Rated > 0 || c.Unanswered > 0 {
		t.Errorf("%+v", c)
	}
}

// TestChronyTracks: stratum, root delay and dispersion are those that are said.
func TestChronyTracks(t *testing.T) {
	for family, server := range servers {
		t.Run(family, func(t *testing.T) {
			l := newLab(t, 0)
			l.serve(l.upstream())
			l.synchronised()
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
				"Stratum": "3", "Leap status": "Normal", "Version": "4", "Mode": "Server", "Reference ID": "C6336409 ()", "Interleaved": "No", "RX timestamping": "Kernel",
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
			l.synchronised()
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

// TestBusybox is the ntpd of OpenWrt and Alpine, which is to say (-w) what it hears, and sets nothing.
func TestBusybox(t *testing.T) {
	l := newLab(t, 300*time.Second)
	l.serve(ntp.Config{Links: []string{"lan"}, LocalStratum: 9})
	for family, server := range servers {
		// Two answers that it takes: it ignores one that took much longer than another, on a machine that is
		// busy.
		out := l.busybox(server, `(?s)( offset:.*){2}`)
		if offset := find(t, out, `reply from `+server+`: offset:\+(\S+) `); !strings.HasPrefix(offset, "300.0") && !strings.HasPrefix(offset, "299.9") {
			t.Errorf("%s: offset %s:\n%s", family, offset, out)
		}
		// Leap indicator 0, version 4, mode 4; and LOCL, printed as a number of this machine.
		for field, want := range map[string]string{"status": "0x24", "strat": "9", "refid": "0x4c434f4c"} {
			if got := find(t, out, field+`:(\S+)`); got != want {
				t.Errorf("%s: %s %s, want %s:\n%s", family, field, got, want, out)
			}
		}
	}
}

// busybox has busybox's ntpd ask a server until what it says matches an expression, and returns that.
func (l *lab) busybox(server, expression string) string {
	l.t.Helper()
	p := l.client.Start(peer(l.t, "busybox-ntpd", "busybox", "ntpd", "-n", "-w", "-p", server))
	testnet.Eventually(l.t, 60*time.Second, "busybox ntpd says "+expression, func() bool {
		return regexp.MustCompile(expression).MatchString(p.Output())
	})
	p.Signal(syscall.SIGTERM)
	return p.Output()
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
	if out := l.busybox("192.0.2.1", "unsynced"); strings.Contains(out, "offset") {
		t.Errorf("busybox ntpd: %s", out)
	}
	if c := l.status().Answers; c.Unsynchronised < 2 || c.Answered > 0 {
		t.Errorf("%+v", c)
	}
}

// TestTimesyncd is systemd's, which speaks SNTP with checks of its own.
func TestTimesyncd(t *testing.T) {
	for family, server := range servers {
		t.Run(family, func(t *testing.T) {
			l := newLab(t, 0)
			l.serve(l.upstream())
			l.synchronised()
			dir := t.TempDir()
			script := filepath.Join(dir, "timesyncd")
			daemon := copied(t, dir, peer(t, "systemd-timesyncd", "lib/systemd/systemd-timesyncd"))
			text := "#!/bin/sh\nmkdir -p /run/systemd/timesyncd.conf.d /run/systemd/netif/links\n" +
				"printf '[Time]\\nNTP=" + server + "\\nFallbackNTP=\\n' >/run/systemd/timesyncd.conf.d/test.conf\n" +
				"SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=debug exec " + strings.Join(daemon.Args, " ") + "\n"
			if err := testnet.WriteProgram(script, []byte(text)); err != nil {
				t.Fatal(err)
			}
			p := l.client.Alone(dir, "/bin/sh", script)
			testnet.Eventually(t, 20*time.Second, "it has an answer", func() bool { return strings.Contains(p.Output(), "packet count") })
			out := p.Output()
			for line, want := range map[string]string{"leap": "0", "version": "4", "mode": "4", "stratum": "3", "root distance": "0.00"} {
				if got := find(t, out, "  "+line+` *: (\S+)`); !strings.HasPrefix(got, want) {
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
	reachable(t, dir)
	program := &cmd.Args[len(cmd.Args)-1]
	b, err := os.ReadFile(*program)
	if err == nil {
		*program = filepath.Join(dir, filepath.Base(*program)+".peer")
		err = testnet.WriteProgram(*program, b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}
