package run_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/crowdtest"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// TestProcess is about the process of the appliance, with its own user and a root
// directory of its own.
func TestProcess(t *testing.T) {
	t.Parallel()
	binary := t.TempDir() + "/gatehouse"
	build := exec.Command("go", "build", "-o", binary, "../../../appliance/cmd/gatehouse")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	t.Run("killed", func(t *testing.T) { t.Parallel(); killed(t, binary) })
	t.Run("flooded", func(t *testing.T) { t.Parallel(); flooded(t, binary) })
}

// killed kills it two hundred times while a crowd asks for leases. Each time every
// lease that was acknowledged must be in the journal, and is still its client's with
// the next process. (TestPowerCuts of image/vmtest does the same to a whole image and
// its disk.)
func killed(t *testing.T, binary string) {
	const kills = 200
	l := newLAN(t)
	l.conf.Subnets[0].Prefix, l.conf.Subnets[0].Pool[0].Last = netip.MustParsePrefix("192.168.0.0/16"), ip("192.168.255.254")
	c := l.client("crowd", "")
	wire := c.wire()
	crowd, r := crowdtest.New(0), rand.New(rand.NewPCG(1, 11))
	root := newRoot(t, binary)
	for kill := range kills {
		p := l.process(root)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := crowd.Ask(ctx, wire, r.IntN(60), func() int64 { return 0 })
		cancel()
		p.Signal(syscall.SIGKILL)
		_ = p.Wait(t.Context())
		if err = errors.Join(err, crowd.Hear(wire, 0)); err != nil {
			t.Fatalf("after %d kills: %v\n%s", kill, err, p.Output())
		}
		if err := crowd.Missing(journal(t, root+"/perm/dhcp"), 0); err != nil {
			t.Fatalf("after %d kills: %v", kill+1, err)
		}
		crowd.Forget(0)
	}
	t.Logf("%d kills, %d leases", kills, crowd.Len())
}

// newRoot makes a root directory with the appliance's binary and what it needs.
func newRoot(t *testing.T, binary string) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"etc", "perm/dhcp", "run/gatehouse"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const uid = 501
	err := errors.Join(os.Chmod(filepath.Dir(root), 0o755), os.Link(binary, root+"/gatehouse"), os.Chown(root+"/perm/dhcp", uid, uid),
		os.WriteFile(root+"/etc/passwd", fmt.Appendf(nil, "dhcp:x:%d:%[1]d::/:/bin/false\n", uid), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// process starts the service as init does, in the root directory, and waits until it
// is ready.
func (l *lan) process(root string) *testnet.Process {
	p, _ := l.start(root)
	return p
}

// start is process, and returns the process id too.
func (l *lan) start(root string) (*testnet.Process, int) {
	l.t.Helper()
	conf, err := json.Marshal(l.conf)
	if err != nil {
		l.t.Fatal(err)
	}
	ready, tell, err := os.Pipe()
	if err != nil {
		l.t.Fatal(err)
	}
	defer ready.Close()
	config, err := os.CreateTemp(l.t.TempDir(), "config")
	if err == nil {
		_, err = config.Write(conf)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	defer config.Close()
	cmd := exec.Command("/gatehouse", "service", "dhcp")
	cmd.Dir, cmd.Stdin, cmd.ExtraFiles = "/", config, []*os.File{tell}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	p := l.router.Start(cmd)
	tell.Close()
	if word, err := bufio.NewReader(ready).ReadString('\n'); err != nil || word != "READY\n" {
		l.t.Fatalf("the service is not ready: %q, %v\n%s", word, err, p.Output())
	}
	return p, cmd.Process.Pid
}

// journal reads the leases in a directory.
func journal(t *testing.T, dir string) map[netip.Addr]lease.Lease {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, leasefile.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := map[netip.Addr]lease.Lease{}
	s, err := leasefile.Read(f, func(l lease.Lease) { found[l.Addr] = l })
	if err != nil || s.Damaged > 0 {
		t.Fatalf("the journal: %+v, %v", s, err)
	}
	return found
}

// udpWire is a socket of clients that have no address yet: they ask for answers by
// broadcast, which it gets all.
type udpWire struct{ *net.UDPConn }

func (c *client) wire() udpWire {
	c.t.Helper()
	var w udpWire
	err := c.Do(func() error {
		lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
			var err error
			return errors.Join(rc.Control(func(fd uintptr) {
				err = errors.Join(unix.BindToDevice(int(fd), "eth0"), unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1))
			}), err)
		}}
		pc, err := lc.ListenPacket(context.Background(), "udp4", "0.0.0.0:68")
		if err == nil {
			w = udpWire{pc.(*net.UDPConn)}
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { w.Close() })
	return w
}

// Send implements crowdtest.Wire.
func (w udpWire) Send(m *dhcpv4.DHCPv4) error {
	_, err := w.WriteToUDPAddrPort(m.ToBytes(), netip.MustParseAddrPort("255.255.255.255:67"))
	return err
}

// Receive implements crowdtest.Wire.
func (w udpWire) Receive(deadline time.Time) (*dhcpv4.DHCPv4, error) {
	if err := w.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	b := make([]byte, 2048)
	n, err := w.Read(b)
	if err != nil {
		return nil, err
	}
	return dhcpv4.FromBytes(b[:n])
}
