package vmtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// memoryFloor is what a machine must always have left, in kB, whoever wants what of sshd.
const memoryFloor = 10 << 10

// A crowd are hosts of the LAN that want something of sshd.
type crowd struct {
	from   *testnet.Namespace
	target string
}

// crowdCard is its card, which is one source whatever its addresses.
const crowdCard = "00:00:5e:00:53:66"

// newCrowd is six addresses on one host.
func newCrowd(t *testing.T, lan *testnet.Namespace) (*crowd, []netip.Addr) {
	t.Helper()
	c := &crowd{from: newHost(t, lan, crowdCard), target: "192.168.32.1:22"}
	var addrs []netip.Addr
	for i := range 6 {
		a := netip.AddrFrom4([4]byte{192, 168, 32, byte(50 + i)})
		c.from.AddAddr(eth0, a.String()+"/24")
		addrs = append(addrs, a)
	}
	return c, addrs
}

// dial connects from one of the addresses.
func (c *crowd) dial(ctx context.Context, from netip.Addr) (conn net.Conn, err error) {
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	err = c.from.Do(func() (err error) {
		conn, err = d.DialContext(ctx, "tcp", c.target)
		return err
	})
	return conn, err
}

// storm has n connections of each address do the same again and again until stop is called.
func (c *crowd) storm(ctx context.Context, addrs []netip.Addr, n int, do func(net.Conn)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	for _, a := range addrs {
		for range n {
			wait.Go(func() {
				for ctx.Err() == nil {
					conn, err := c.dial(ctx, a)
					if err != nil {
						continue // the appliance has no time for it, which is no failure
					}
					end := context.AfterFunc(ctx, func() { conn.Close() })
					do(conn)
					end()
					conn.Close()
				}
			})
		}
	}
	return func() { cancel(); wait.Wait() }
}

const hugePacket = 256 << 10 // bytes, the most that the library of the server takes for a packet

// announce begins a packet before there are keys, and sends all of it but the end.
func announce(conn net.Conn) {
	packet := make([]byte, 4+hugePacket-1)
	binary.BigEndian.PutUint32(packet, hugePacket)
	packet[4] = 4 // of padding
	_, _ = conn.Write(append([]byte("SSH-2.0-crowd\r\n"), packet...))
	_, _ = io.Copy(io.Discard, conn)
}

// shout exchanges keys, and then has a name that is as long as a packet can be.
func shout(conn net.Conn) {
	c, _, _, err := ssh.NewClientConn(conn, "", &ssh.ClientConfig{
		User: strings.Repeat("x", hugePacket-200), HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err == nil {
		c.Close()
	}
}

// idleSession logs in with a key of the site, opens a shell on a terminal, and says nothing.
func idleSession(conn net.Conn, key ssh.Signer) error {
	c, chans, requests, err := ssh.NewClientConn(conn, "", &ssh.ClientConfig{
		User: "admin", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		return err
	}
	s, err := ssh.NewClient(c, chans, requests).NewSession()
	if err == nil {
		_, err = s.StdinPipe() // never closed: the end of input would end the shell
	}
	if err == nil {
		err = s.RequestPty("xterm", 24, 80, nil)
	}
	if err == nil {
		err = s.Shell()
	}
	return err
}

// TestCrowd has crowds at the door of an appliance with as little memory as it must get by with, and with
// what is recommended.
func TestCrowd(t *testing.T) {
	for _, memory := range []int{96, 128} {
		t.Run(fmt.Sprint(memory, " MB"), func(t *testing.T) { crowdAt(t, memory) })
	}
}

// besieged is an appliance with a crowd at its door.
type besieged struct {
	*crowd
	addrs    []netip.Addr // of the crowd
	vm       *VM
	wan, lan *testnet.Namespace
	laptop   *testnet.Namespace
	admin    admin
	key      ssh.Signer
	rest     int // kB that are left when nothing happens
	runs     int // programs then
	services []service
}

func crowdAt(t *testing.T, memory int) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*Guard)
	defer cancel()
	b := besiege(ctx, t, memory)
	t.Logf("at rest %d kB are left", b.rest)
	b.under(ctx, t, "packets of 256 kB that are announced", announce)
	b.under(ctx, t, "packets of 256 kB after the keys", shout)
	b.sessions(ctx, t)
}

// besiege starts an appliance with all services that there are, and a host of its LAN whose address is by
// DHCP.
func besiege(ctx context.Context, t *testing.T, memory int) *besieged {
	t.Helper()
	img := theImage(t, fullImage)
	b := &besieged{
		wan: newSwitch(t, "wan", gateway+"/24", internet+"/32", brokerAddr+"/32"),
		lan: newSwitch(t, "lan", storeAddr),
	}
	provideFull(t, b.wan)
	b.vm = Start(t, Machine{
		Name: "firewall", Kernel: img.Kernel, Append: Append, MemoryMB: memory,
		Disks: []Disk{{Path: img.Root, Snapshot: true}},
		NICs:  []NIC{{MAC: wanMAC, Port: port(t, b.wan, "firewall")}, {MAC: lanMAC, Port: port(t, b.lan, "firewall")}},
	})
	b.laptop = newHost(t, b.lan, "00:00:5e:00:53:21")
	b.admin = admin{from: b.laptop, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	b.crowd, b.addrs = newCrowd(t, b.lan)
	text, err := os.ReadFile(img.Key)
	if err != nil {
		t.Fatal(err)
	}
	if b.key, err = ssh.ParsePrivateKey(text); err != nil {
		t.Fatal(err)
	}
	listen(t, b.wan, internet+":8080")
	udhcpc(ctx, t, b.laptop)
	openShell(ctx, t, b.vm)
	s := b.admin.well(ctx, t, "at rest")
	b.admin.services(ctx, t, s)
	if len(s.Services) != len(roster.All()) {
		t.Fatalf("not all services run: %+v", s.Services)
	}
	b.services, b.rest, b.runs = s.Services, left(ctx, t, b.vm), b.programs(ctx, t)
	return b
}

// under has a crowd do what it does while the network works, and looks at what it leaves.
func (b *besieged) under(ctx context.Context, t *testing.T, what string, do func(net.Conn)) {
	t.Helper()
	busy := b.processor(ctx, t)
	began := time.Now()
	stop := b.storm(ctx, b.addrs, 12, do)
	b.works(ctx, t, what)
	testnet.Eventually(t, Guard, what+": status names the crowd", func() bool {
		var s status
		b.admin.json(ctx, t, "gatehouse status --json || true", &s)
		return slices.ContainsFunc(s.Problems, func(p string) bool {
			return strings.HasPrefix(p, "sshd: A crowd is at the door: ") && strings.Contains(p, "the card "+crowdCard)
		})
	})
	took := time.Since(began)
	stop()
	t.Logf("%s: sshd took %v of the processor in %v", what, b.processor(ctx, t)-busy, took.Round(time.Second))
	b.recovers(ctx, t, what)
}

// works has hosts get leases, names, and through to the Internet, and an administrator in.
func (b *besieged) works(ctx context.Context, t *testing.T, what string) {
	t.Helper()
	least := b.rest
	for i := range 5 {
		least = min(least, left(ctx, t, b.vm))
		if got := udhcpc(ctx, t, b.laptop); got["ip"] == "" {
			t.Errorf("%s: no lease", what)
		}
		if got, err := resolve(ctx, b.laptop, "192.168.32.1", "store.home.example"); err != nil {
			t.Errorf("%s: store is %q, %v", what, got, err)
		}
		if got, err := ask(ctx, b.laptop, internet+":8080"); err != nil || got != "192.0.2.10" {
			t.Errorf("%s: the Internet sees the laptop as %q, %v", what, got, err)
		}
		if got := b.admin.must(ctx, t, fmt.Sprintf("echo %d", i)); got != fmt.Sprintln(i) {
			t.Errorf("%s: %q", what, got)
		}
		least = min(least, left(ctx, t, b.vm))
	}
	t.Logf("%s: at least %d kB are left", what, least)
	if least < memoryFloor {
		t.Errorf("%s: %d kB are left, want %d at least", what, least, memoryFloor)
	}
}

// sessions leaves sessions open from one address, as many as it can have, and looks whether there is room for
// one from another.
func (b *besieged) sessions(ctx context.Context, t *testing.T) {
	t.Helper()
	var open []net.Conn
	refused := ""
	for range 40 {
		conn, err := b.dial(ctx, b.addrs[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := idleSession(conn, b.key); err != nil {
			refused = err.Error()
			conn.Close()
			continue
		}
		open = append(open, conn)
	}
	t.Logf("%d of 40 sessions are open", len(open))
	if want := fmt.Sprintf("%d sessions are open from your address", len(open)); len(open) == 0 || !strings.Contains(refused, want) {
		t.Errorf("who has %d sessions is told: %q", len(open), refused)
	}
	b.works(ctx, t, "idle sessions")
	want := fmt.Sprintf("sshd: No further session can begin from one source, which has %d of", len(open))
	testnet.Eventually(t, Guard, "status: "+want, func() bool {
		var s status
		b.admin.json(ctx, t, "gatehouse status --json || true", &s)
		s.Problems = slices.DeleteFunc(s.Problems, unanswered)
		return len(s.Problems) == 1 && strings.HasPrefix(s.Problems[0], want)
	})
	for _, conn := range open {
		conn.Close()
	}
	b.recovers(ctx, t, "idle sessions")
}

// What is as before is so but for what the runtime keeps of each process that had to do, init and the shell
// of the console too: it collects no garbage below 4 MB.
const (
	keptByAll  = 16 << 10 // kB
	keptBySSHD = 6 << 10
)

// asBefore is how long it may take after a crowd until all is as before: to be told of it, too.
const asBefore = time.Minute

// recovers waits until all is as before.
func (b *besieged) recovers(ctx context.Context, t *testing.T, what string) {
	t.Helper()
	began := time.Now()
	var s status
	free, own, programs := 0, 0, 0
	testnet.Eventually(t, asBefore, what+": all is as before", func() bool {
		s = status{}
		b.admin.json(ctx, t, "gatehouse status --json || true", &s)
		free, own, programs = left(ctx, t, b.vm), b.ofSSHD(ctx, t, "RssAnon"), b.programs(ctx, t)
		return len(s.Problems) == 0 && free > b.rest-keptByAll && own < keptBySSHD && programs == b.runs
	})
	t.Logf("%s: all is as before after %v, %d kB are left", what, time.Since(began).Round(time.Second), free)
	b.admin.services(ctx, t, s)
	for i, is := range s.Services {
		if was := b.services[i]; is != was {
			t.Errorf("%s: %+v, before it was %+v", what, is, was)
		}
	}
	if strings.Contains(b.vm.Text(), "Out of memory") {
		t.Errorf("%s: something was killed for memory", what)
	}
}

// sshd is its process.
func (b *besieged) sshd() int {
	return b.services[slices.IndexFunc(b.services, func(s service) bool { return s.Name == "sshd" })].PID
}

// ofSSHD is a line of its status, in kB.
func (b *besieged) ofSSHD(ctx context.Context, t *testing.T, line string) int {
	t.Helper()
	text := typed(ctx, t, b.vm, fmt.Sprintf("cat /proc/%d/status", b.sshd()))
	return kilobytes(strings.ReplaceAll(text, "\r", ""))[line]
}

// programs is how many processes there are that are no part of the kernel.
func (b *besieged) programs(ctx context.Context, t *testing.T) int {
	t.Helper()
	return len(regexp.MustCompile(`(?m)^ *\d+ \S+ +[^ \[]`).FindAllString(typed(ctx, t, b.vm, "ps"), -1)) // those have names in brackets
}

// processor is how much of its time sshd has had.
func (b *besieged) processor(ctx context.Context, t *testing.T) time.Duration {
	t.Helper()
	text := typed(ctx, t, b.vm, fmt.Sprintf("cat /proc/%d/stat", b.sshd()))
	text = text[strings.LastIndex(text, ") ")+2:]
	var ticks time.Duration // of a hundredth of a second: proc(5), fields 14 and 15
	for _, field := range strings.Fields(text)[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}

// left is how much memory the machine can still give, in kB.
func left(ctx context.Context, t *testing.T, vm *VM) int {
	t.Helper()
	return kilobytes(strings.ReplaceAll(typed(ctx, t, vm, "cat /proc/meminfo"), "\r", ""))["MemAvailable"]
}
