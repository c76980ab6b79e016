package vmtest

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

const (
	timeServer = "192.0.2.123"  // by its address, in the reference site too
	namedTime  = "198.51.100.7" // time.example.net
	dotName    = "dns.example.net"
	dead       = "1970-01-01T00:00:00"
	// inTime is within what the clock is right once its service is there: 5 s where the machine has nothing
	// else to do. A name that is asked for a second time, or a poll that must be waited for, takes longer.
	inTime = 20 * time.Second
	// chronyd is unpacked there by packages.sh: it is not to be installed.
	chronyd = "/var/lib/gatehouse-peers/chrony/usr/sbin/chronyd"
)

// A timed is an appliance whose clock is dead, between servers of time and a LAN that asks it.
type timed struct {
	wan, lan, laptop *testnet.Namespace
	img              Image
	root             string
	vm               *VM
	admin            admin
}

// TestTime starts an appliance from a clock of 1970, of 2099, and of 1970 without anybody who knows the time.
// Its sources are an address, where nobody is at first, and a name that only a resolver by TLS knows.
func TestTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	ca := newTimeAuthority(t)
	site := timeSite(t)
	dir := t.TempDir()
	img, err := ca.trustedBy(t, func() (Image, error) { return BuildImage(ctx, dir, site) })
	if err != nil {
		t.Fatal(err)
	}
	h := &timed{
		wan: newSwitch(t, "wan", gateway+"/24", internet+"/32", upstream+"/32", namedTime+"/32"),
		lan: newSwitch(t, "lan", storeAddr), img: img, root: disk(ctx, t, img.Root),
	}
	h.laptop = newHost(t, h.lan, "00:00:5e:00:53:21")
	h.admin = admin{from: h.laptop, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	ca.resolve(t, h.wan)
	stop := serveTime(t, h.wan)
	from := func(what, clock string) bool {
		return t.Run(what, func(t *testing.T) { h.dead(ctx, t, clock) })
	}
	if !from("by name from 1970", dead) || !from("by name from 2099", "2099-01-01T00:00:00") {
		return
	}
	h.wan.AddAddr(eth0, timeServer+"/32")
	if !from("by address and name from 1970", dead) {
		return
	}
	stop()
	t.Run("without a server", func(t *testing.T) { h.alone(ctx, t) })
}

// start starts the appliance at a time. Its log lives as long as the test.
func (h *timed) start(t *testing.T, clock string) {
	t.Helper()
	h.vm = Start(t, Machine{
		Name: "firewall", Kernel: h.img.Kernel, Append: Append, MemoryMB: 96, Disks: []Disk{{Path: h.root}}, Clock: clock,
		NICs: []NIC{{MAC: wanMAC, Port: port(t, h.wan, "firewall")}, {MAC: lanMAC, Port: port(t, h.lan, "firewall")}},
	})
}

func (h *timed) dead(ctx context.Context, t *testing.T, clock string) {
	h.start(t, clock)
	defer h.off(ctx, t)
	// It has its address as early as it can, likely before the clock is set.
	got := udhcpc(ctx, t, h.laptop)
	began := time.Now()
	if got["ntpsrv"] != "192.168.32.1" {
		t.Errorf("option 42 is %q", got["ntpsrv"])
	}
	testnet.Eventually(t, Guard, "the clock is right", func() bool { return h.clockOff(ctx, t).Abs() < 2*time.Second })
	ready, set, synchronised := h.log(ctx, t)
	t.Logf("after the start of the kernel: the service is there at %v, has set the clock at %v, synchronised at %v: %v",
		ready, set, synchronised, synchronised-ready)
	if synchronised-ready > inTime {
		t.Errorf("the clock is right after %v, want %v", synchronised-ready, inTime)
	}
	h.keepsLease(ctx, t, got, began)
	h.followed(ctx, t)
	h.admin.clean(ctx, t, "with the clock set")
}

// clockOff is how far the appliance's clock is behind the host's.
func (h *timed) clockOff(ctx context.Context, t *testing.T) time.Duration {
	t.Helper()
	var s struct {
		Machine struct {
			Clock struct {
				Time time.Time `json:"time"`
			} `json:"clock"`
		} `json:"machine"`
	}
	h.admin.json(ctx, t, "gatehouse status --json || true", &s)
	return time.Since(s.Machine.Clock.Time)
}

// log finds in the log when the service was there, when it set the clock last, and when it was synchronised.
func (h *timed) log(ctx context.Context, t *testing.T) (ready, set, synchronised time.Duration) {
	t.Helper()
	testnet.Eventually(t, Guard, "the log says that the clock is synchronised", func() bool {
		lines := bufio.NewScanner(strings.NewReader(h.admin.must(ctx, t, "gatehouse log ntp -n 200 --json")))
		for lines.Scan() {
			var l struct {
				Up    time.Duration `json:"up_ns"`
				Event bool          `json:"event"`
				Text  string        `json:"text"`
			}
			if json.Unmarshal(lines.Bytes(), &l) != nil {
				continue
			}
			switch {
			case l.Event && strings.Contains(l.Text, "ready"):
				ready = l.Up
			case strings.Contains(l.Text, "the clock is set"):
				set = l.Up
			case strings.Contains(l.Text, "the clock is synchronised"):
				synchronised = l.Up
			}
		}
		return synchronised > 0
	})
	return ready, set, synchronised
}

// keepsLease: who got a lease from a clock that was wrong has it for as long as he was told.
func (h *timed) keepsLease(ctx context.Context, t *testing.T, got lease, began time.Time) {
	t.Helper()
	saysAll(t, "the DHCP server", h.admin.must(ctx, t, "gatehouse log dhcp -n 200"), "the clock was set: the lease journal is dated by it")
	life, err := strconv.Atoi(got["lease"])
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Addr    string    `json:"addr"`
		State   string    `json:"state"`
		Expires time.Time `json:"expires"`
	}
	h.admin.json(ctx, t, "gatehouse leases --json -a", &all)
	for _, l := range all {
		if l.Addr != got["ip"] {
			continue
		}
		want := began.Add(time.Duration(life) * time.Second)
		if off := l.Expires.Sub(want); l.State != "bound" || off.Abs() > 5*time.Second {
			t.Errorf("the lease is %s until %v, %v from what its host was told", l.State, l.Expires, off)
		}
		return
	}
	t.Errorf("%s is in no lease: %v", got["ip"], all)
}

// followed has hosts of the LAN follow the appliance.
func (h *timed) followed(ctx context.Context, t *testing.T) {
	t.Helper()
	if got := dig(ctx, t, h.laptop, "192.168.32.1", "_ntp._udp.home.example", "SRV", "+short"); got != "0 0 123 firewall.home.example." {
		t.Errorf("_ntp._udp is %q", got)
	}
	out, err := h.laptop.Try(testnet.Need(t, "setpriv", "util-linux"), "--bounding-set=-sys_time", "--inh-caps=-sys_time",
		chronyd, "-x", "-Q", "-u", "root", "-t", "20", "server 192.168.32.1 iburst maxsamples 2", "pidfile "+t.TempDir()+"/pid")
	if match := regexp.MustCompile(`wrong by (-?[0-9.]+) seconds`).FindStringSubmatch(out); match == nil {
		t.Errorf("chronyd: %v: %s", err, out)
	} else if off, _ := strconv.ParseFloat(match[1], 64); off > 0.1 || off < -0.1 {
		t.Errorf("chronyd measures %v s", off)
	} else {
		t.Logf("chronyd on the LAN measures %v s", off)
	}
	answer, err := askTime(h.laptop, "192.168.32.1:123")
	if err != nil || answer.stratum != 3 || answer.leap != 0 {
		t.Errorf("it answers %+v, %v, want stratum 3", answer, err)
	}
}

// alone: what is known of the time from before is not forgotten.
func (h *timed) alone(ctx context.Context, t *testing.T) {
	h.start(t, dead)
	udhcpc(ctx, t, h.laptop)
	var kept struct{ Time time.Time }
	h.admin.json(ctx, t, "cat /perm/ntp/clock", &kept)
	if age := time.Since(kept.Time); age < 0 || age > Guard {
		t.Errorf("the time that is kept is %v, %v ago", kept.Time, age)
	}
	if off := h.clockOff(ctx, t); off < 0 || off > Guard {
		t.Errorf("a clock without a server is %v behind", off)
	}
	if answer, err := askTime(h.laptop, "192.168.32.1:123"); err != nil || answer.leap != 3 {
		t.Errorf("it answers %+v, %v, want that it is not synchronised", answer, err)
	}
	h.off(ctx, t)
}

// off switches the appliance off.
func (h *timed) off(ctx context.Context, t *testing.T) {
	t.Helper()
	if t.Failed() {
		out, err := h.admin.run(ctx, "date; gatehouse log -n 200")
		t.Logf("%v\n%s", err, out)
	}
	_, _ = h.admin.run(ctx, "poweroff")
	if err := h.vm.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

// A timeAnswer is what tests look at in an answer of NTP.
type timeAnswer struct{ leap, stratum byte }

func askTime(from *testnet.Namespace, server string) (a timeAnswer, err error) {
	var c net.Conn
	err = from.Do(func() (err error) {
		c, err = net.Dial("udp", server)
		return err
	})
	if err != nil {
		return a, err
	}
	defer c.Close()
	b := make([]byte, 48)
	b[0] = 4<<3 | 3
	if err := c.SetDeadline(time.Now().Add(noAnswer)); err != nil {
		return a, err
	}
	if _, err := c.Write(b); err != nil {
		return a, err
	}
	_, err = c.Read(b)
	return timeAnswer{b[0] >> 6, b[1]}, err
}

// serveTime has chronyd serve this machine's clock, which it never sets, until stop is called.
func serveTime(t *testing.T, on *testnet.Namespace) (stop func()) {
	t.Helper()
	if _, err := os.Stat(chronyd); err != nil {
		t.Fatalf("%v: image/packages.sh test unpacks chrony", err)
	}
	dir := t.TempDir()
	p := on.Start(exec.Command(testnet.Need(t, "setpriv", "util-linux"), "--bounding-set=-sys_time", "--inh-caps=-sys_time",
		chronyd, "-x", "-d", "-u", "root", "local stratum 2", "allow", "cmdport 0", "bindcmdaddress /", "pidfile "+dir+"/pid"))
	testnet.Eventually(t, Guard, "chronyd serves", func() bool {
		a, err := askTime(on, namedTime+":123")
		return err == nil && a.stratum == 2
	})
	return func() { p.Signal(unix.SIGKILL) }
}

// timeSite is the reference site with other sources.
func timeSite(t *testing.T) string {
	t.Helper()
	w := &workstation{site: filepath.Join(t.TempDir(), "site")}
	if err := os.CopyFS(w.site, os.DirFS("../../examples/home")); err != nil {
		t.Fatal(err)
	}
	w.change(t, "site.toml", `upstream = ["192.0.2.53"]`, `upstream = ["`+upstream+"#"+dotName+`"]`)
	w.change(t, "site.toml", `servers = ["192.0.2.123"]`, `servers = ["`+timeServer+`", "time.example.net"]`)
	return w.site
}

// A timeAuthority is trusted by the image of the test, beside all others.
type timeAuthority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newTimeAuthority(t *testing.T) *timeAuthority {
	t.Helper()
	a := &timeAuthority{}
	a.cert, a.key = a.issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotAfter: time.Now().AddDate(10, 0, 0),
	})
	return a
}

// issue issues what is valid from yesterday on: since later than the box was made, as certificates are.
func (a *timeAuthority) issue(t *testing.T, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	c.SerialNumber, c.NotBefore = big.NewInt(1), time.Now().AddDate(0, 0, -1)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// trustedBy builds an image that trusts a too: package trust, which has nobody but whom Mozilla trusts, is
// another for the processes of the build, and for nobody else.
func (a *timeAuthority) trustedBy(t *testing.T, build func() (Image, error)) (img Image, err error) {
	t.Helper()
	const file = "../../internal/trust/trust.go"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const end = "\treturn pool, problem\n"
	changed := strings.Replace(string(text), end, fmt.Sprintf("\tif c, err := x509.ParseCertificate([]byte(%q)); err == nil {\n"+
		"\t\tpool.AddCert(c)\n\t}\n%s", a.cert.Raw, end), 1)
	if changed == string(text) {
		t.Fatalf("%s has no %q", file, end)
	}
	other := filepath.Join(t.TempDir(), "trust.go")
	if err := os.WriteFile(other, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread, and what it sees, end with the goroutine
		err = errors.Join(unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS),
			unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount(other, file, "", unix.MS_BIND, ""))
		if err == nil {
			img, err = build()
		}
	}()
	<-done
	return img, err
}

// resolve starts the resolver by TLS.
func (a *timeAuthority) resolve(t *testing.T, on *testnet.Namespace) {
	t.Helper()
	cert, key := a.issue(t, &x509.Certificate{
		DNSNames: []string{dotName}, NotAfter: time.Now().AddDate(0, 2, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf := fmt.Sprintf("server:\n directory: %[1]q\n chroot: \"\"\n username: \"\"\n pidfile: \"\"\n use-syslog: no\n do-daemonize: no\n"+
		" num-threads: 1\n interface: %[2]s@853\n access-control: 0.0.0.0/0 allow\n tls-service-pem: \"%[1]s/cert\"\n"+
		" tls-service-key: \"%[1]s/key\"\n local-zone: \"example.net.\" static\n local-data: \"time.example.net. 300 IN A %[3]s\"\n"+
		"remote-control:\n control-enable: no\n", dir, upstream, namedTime)
	err = errors.Join(
		os.WriteFile(dir+"/cert", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o644),
		os.WriteFile(dir+"/key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
		os.WriteFile(dir+"/conf", []byte(conf), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	on.Start(exec.Command(testnet.Need(t, "unbound", "unbound"), "-d", "-c", dir+"/conf"))
	testnet.Eventually(t, Guard, "the resolver by TLS answers", func() bool {
		return dial(t.Context(), on, upstream+":853") == nil
	})
}
