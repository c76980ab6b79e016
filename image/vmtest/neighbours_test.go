package vmtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// Of TestNeighbourFloods.
const (
	floodingMAC   = "02:00:5e:66:66:66"
	floodARP      = 3000 // a second
	floodSolicits = 5000
	floodTick     = 5 * time.Millisecond
	floodPings    = 20
	box4          = "192.168.32.1"
)

// box6 is the link-local address that the kernel makes of the appliance's card on the LAN (RFC 4291, appendix A).
var box6 = netip.MustParseAddr("fe80::216:3eff:fe20:f1")

// TestNeighbourFloods: one host of the LAN sends thousands of ARP requests and neighbour solicitations a second,
// from senders that are not there; first by its own card, then by a new one each time. Hosts that were there before
// keep IPv4 and IPv6, new ones get it, and status names the card.
func TestNeighbourFloods(t *testing.T) {
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	wan, lan := newSwitch(t, "wan", gateway+"/24"), newSwitch(t, "lan", "192.168.32.10/24")
	a := admin{from: lan, key: img.Key, address: box4, knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	appliance(t, img, wan, lan, disk(ctx, t, img.Root))
	old := newHost(t, lan, "02:00:5e:00:00:01")
	udhcpc(ctx, t, old)
	pingsBox(ctx, t, old, "before")
	flooding := newHost(t, lan, floodingMAC)
	for i, c := range []struct {
		what   string
		others bool // cards, each time another
	}{{"by its own card", false}, {"by other cards", true}} {
		stop := flood(t, flooding, c.others)
		time.Sleep(10 * time.Second) // of the attack: the tables would be full after one of them
		t.Logf("%s: neighbours in IPv4 and IPv6: %v", c.what, neighbours(ctx, t, a))
		pingsBox(ctx, t, old, c.what)
		newcomer := newHost(t, lan, fmt.Sprintf("02:00:5e:00:01:%02x", i))
		udhcpc(ctx, t, newcomer)
		pingsBox(ctx, t, newcomer, c.what+", who is new")
		if got, err := answers(ctx, newcomer, box4, "store.home.example"); got != "192.168.32.10" || err != nil {
			t.Errorf("%s: store is %q, %v", c.what, got, err)
		}
		if !c.others && !named(ctx, t, a) {
			t.Errorf("%s: status does not name the card; the log is\n%s", c.what, a.must(ctx, t, "gatehouse firewall log -n 20"))
		}
		t.Logf("%s: %d frames were sent; neighbours %v", c.what, stop(), neighbours(ctx, t, a))
	}
	stopped := time.Now()
	testnet.Eventually(t, Guard, "status names the card no more", func() bool { return !named(ctx, t, a) })
	t.Logf("%v after it, status has nothing of it, neighbours are %v", time.Since(stopped).Round(time.Second), neighbours(ctx, t, a))
	pingsBox(ctx, t, old, "afterwards")
}

// named reports whether status names the card that floods.
func named(ctx context.Context, t *testing.T, a admin) bool {
	t.Helper()
	var now status
	a.json(ctx, t, "gatehouse status --json || true", &now)
	return slices.ContainsFunc(now.Problems, func(p string) bool { return strings.Contains(p, floodingMAC) })
}

// pingsBox has a host ping the appliance in both families until it was answered often. Some are lost: a flood fills the
// queue of the card too, however well who reads it keeps the senders apart.
func pingsBox(ctx context.Context, t *testing.T, host *testnet.Namespace, when string) {
	t.Helper()
	for _, to := range []string{box4, box6.String() + "%" + eth0} {
		tries, answered := 0, 0
		for ; answered < floodPings && ctx.Err() == nil; tries++ {
			if _, err := output(ctx, host, nil, "ping", "-q", "-c", "1", "-W", "1", to); err == nil {
				answered++
			}
		}
		t.Logf("%s: %s answered %d of %d pings", when, to, answered, tries)
		if answered < floodPings {
			t.Fatalf("%s: %s does not answer", when, to)
		}
	}
}

// neighbours are how many entries the kernel has in its tables (/proc/net/stat, in hexadecimal), which were never
// full.
func neighbours(ctx context.Context, t *testing.T, a admin) (n [2]int64) {
	t.Helper()
	for i, table := range []string{"arp_cache", "ndisc_cache"} {
		lines := strings.Split(strings.TrimSpace(a.must(ctx, t, "cat /proc/net/stat/"+table)), "\n")
		full := slices.Index(strings.Fields(lines[0]), "table_fulls")
		for _, line := range lines[1:] { // of each processor
			f := strings.Fields(line)
			entries, err := strconv.ParseInt(f[0], 16, 64)
			if err != nil || full < 0 {
				t.Fatalf("%s: %v: %q", table, err, lines)
			}
			if n[i] = entries; strings.Trim(f[full], "0") != "" {
				t.Errorf("%s was full: %q", table, lines)
			}
		}
	}
	return n
}

// flood sends until it is stopped, which says how many frames there were.
func flood(t *testing.T, from *testnet.Namespace, others bool) (stop func() int) {
	t.Helper()
	fd := -1
	err := from.Do(func() error {
		link, err := net.InterfaceByName(eth0)
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: link.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	done, sent := make(chan struct{}), make(chan int, 1)
	go func() {
		defer unix.Close(fd)
		n := 0
		r := rand.New(rand.NewPCG(1, 1))
		own, _ := net.ParseMAC(floodingMAC)
		ticker := time.NewTicker(floodTick) // which catches up with nothing
		defer ticker.Stop()
		for {
			select {
			case <-done:
				sent <- n
				return
			case <-ticker.C:
			}
			for range int(floodARP * floodTick / time.Second) {
				_, _ = unix.Write(fd, forgedARP(r, own, others)) // a frame for which there is no room is lost
				n++
			}
			for range int(floodSolicits * floodTick / time.Second) {
				_, _ = unix.Write(fd, forgedSolicit(r, own, others))
				n++
			}
		}
	}()
	return func() int { close(done); return <-sent }
}

func randomMAC(r *rand.Rand) net.HardwareAddr {
	return binary.BigEndian.AppendUint32([]byte{2, 0}, r.Uint32())
}

// forgedARP asks for the appliance as somebody of the LAN, or of another network.
func forgedARP(r *rand.Rand, card net.HardwareAddr, others bool) []byte {
	named, sender := randomMAC(r), binary.BigEndian.AppendUint32(nil, r.Uint32())
	switch {
	case others:
		card = named
	case r.IntN(2) == 0:
		named = card
	}
	if r.IntN(2) == 0 {
		sender = []byte{192, 168, 32, byte(11 + r.IntN(89))} // who takes what others have is another matter
	}
	b := append(net.HardwareAddr{0, 0x16, 0x3e, 0x20, 0, 0xf1}, card...)
	b = append(append(b, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1), named...)
	return append(append(append(b, sender...), make([]byte, 6)...), 192, 168, 32, 1)
}

// forgedSolicit asks for the appliance from a link-local address that nobody has.
func forgedSolicit(r *rand.Rand, card net.HardwareAddr, others bool) []byte {
	if others {
		card = randomMAC(r)
	}
	source := binary.BigEndian.AppendUint64([]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0}, r.Uint64())
	target := box6.As16()
	message := append([]byte{135, 0, 0, 0, 0, 0, 0, 0}, target[:]...)
	message = append(append(message, 1, 1), card...)
	packet := append([]byte{0x60, 0, 0, 0, 0, byte(len(message)), 58, 255}, source...)
	packet = append(packet, target[:]...)
	binary.BigEndian.PutUint16(message[2:], icmpv6Sum(packet[8:40], message))
	b := append(net.HardwareAddr{0, 0x16, 0x3e, 0x20, 0, 0xf1}, card...)
	return append(append(append(b, 0x86, 0xdd), packet...), message...)
}

// icmpv6Sum is the checksum of RFC 4443, 2.3, of a message between two addresses.
func icmpv6Sum(addresses, message []byte) uint16 {
	sum := uint32(len(message)) + 58
	for _, b := range [][]byte{addresses, message} {
		for i := 0; i+1 < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
