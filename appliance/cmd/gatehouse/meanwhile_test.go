package main

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/site"
)

// A session is a second administrator who is logged in all the while.
type session struct {
	*testnet.Process
	t     *testing.T
	in    io.Writer
	lines int
}

// logIn logs in to the box from a host with the first key.
func logIn(t *testing.T, host *testnet.Namespace, box netip.Addr) *session {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	block, err := ssh.MarshalPrivateKey(privateKey(0), "admin")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testnet.Need(t, "ssh", "openssh-client"), "-F", "none", "-i", key, "-o", "BatchMode=yes",
		"-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"admin@"+box.String(), "cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, in: in, Process: host.Start(cmd)}
	s.lives("at first")
	return s
}

// lives has the session answer once more.
func (s *session) lives(when string) {
	s.t.Helper()
	s.lines++
	word := fmt.Sprintf("line %d.\n", s.lines)
	if _, err := io.WriteString(s.in, word); err != nil {
		s.t.Fatalf("%s: the session: %v\n%s", when, err, s.Output())
	}
	testnet.Eventually(s.t, patience, "the session answers "+when, func() bool {
		return strings.HasSuffix(s.Output(), word)
	})
}

func privateKey(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	return ed25519.NewKeyFromSeed(seed)
}

// steadySites draws sites that have their WAN, their LANs and so their services in common, the first without
// rules.
func steadySites(r *rand.Rand, n int) (all []fstest.MapFS) {
	s := newSeeds(r)
	for ; ; s = newSeeds(r) {
		files := draw(s)
		first, err := site.Load(files)
		if err == nil && first.WAN.Gateway.IsValid() && first.Firewall.Rules == nil && first.NTP.On() {
			all = append(all, files)
			break
		}
	}
	for len(all) < n {
		t := newSeeds(r)
		t[partWAN], t[partLANs], t[partIPv6] = s[partWAN], s[partLANs], s[partIPv6]
		files := draw(t)
		if another, err := site.Load(files); err == nil && another.NTP.On() {
			all = append(all, files)
		}
	}
	return all
}

// A conversation goes on in the background: each word is answered before the next is said.
type conversation struct {
	said, answered int
	err            error
}

// talkOn says words over a connection until ctx ends, and expects each back.
func talkOn(ctx context.Context, c net.Conn) (k conversation) {
	defer c.Close()
	answer := make([]byte, 64)
	for ; ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
		word := fmt.Sprintf("%08d", k.said)
		c.SetDeadline(time.Now().Add(patience))
		if _, k.err = io.WriteString(c, word); k.err != nil {
			return k
		}
		k.said++
		n, err := c.Read(answer)
		if err != nil || string(answer[:n]) != word {
			k.err = fmt.Errorf("answer %q: %w", answer[:n], err)
			return k
		}
		k.answered++
	}
	return k
}

// echoes has a host answer what is said to its port 7.
func echoes(t *testing.T, host *testnet.Namespace, address netip.Addr) {
	t.Helper()
	at := netip.AddrPortFrom(address, 7).String()
	err := host.Do(func() error {
		l, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		u, err := net.ListenPacket("udp", at)
		if err != nil {
			return err
		}
		t.Cleanup(func() { u.Close() })
		go func() {
			if c, err := l.Accept(); err == nil {
				io.Copy(c, c)
			}
		}()
		go func() {
			b := make([]byte, 64)
			for {
				n, from, err := u.ReadFrom(b)
				if err != nil {
					return
				}
				u.WriteTo(b[:n], from)
			}
		}()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A passage is a box between a host of its first LAN and the router of its WAN, which talk through it.
type passage struct {
	*applied
	lan          *testnet.Namespace
	own, outside netip.Addr // the box's on the LAN, and the router's
	talking      sync.WaitGroup
	talks        map[string]*conversation
}

func newPassage(t *testing.T, files fstest.MapFS) *passage {
	t.Helper()
	s := load(t, files)
	card, network := s.LANs[0].Interface, s.LANs[0].IPv4
	p := &passage{lan: testnet.New(t, "lan"), own: network.Addr(), outside: s.WAN.Gateway,
		talks: map[string]*conversation{"tcp": {}, "udp": {}}}
	wan, nobody := testnet.New(t, "wan"), testnet.New(t, "nobody")
	hosts := []*testnet.Namespace{wan, nobody, nobody, nobody}
	n, err := strconv.Atoi(strings.TrimPrefix(card, "eth"))
	if err != nil {
		t.Fatal(err)
	}
	hosts[n] = p.lan
	p.applied = startSite(t, files, len(hosts), hosts...)
	host := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, p.own.As4()[2], 99}), network.Bits())
	p.lan.AddAddr(card, host.String())
	p.lan.AddRoute("default", p.own.String())
	wan.AddAddr("eth0", netip.PrefixFrom(p.outside, s.WAN.IPv4.Bits()).String())
	wan.AddRoute("192.168.0.0/16", s.WAN.IPv4.Addr().String()) // should a site not masquerade
	echoes(t, wan, p.outside)
	return p
}

// talk has the host begin to talk, until ctx ends.
func (p *passage) talk(ctx context.Context) {
	p.t.Helper()
	for network, k := range p.talks {
		var c net.Conn
		err := p.lan.Do(func() (err error) {
			c, err = net.Dial(network, netip.AddrPortFrom(p.outside, 7).String())
			return err
		})
		if err != nil {
			p.t.Fatal(err)
		}
		p.talking.Go(func() { *k = talkOn(ctx, c) })
	}
}

// TestNothingIsLostMeanwhile changes all that does not concern two hosts, again and again, while they talk
// through the box: no packet is lost, nobody is logged out, no service is started again, and in the end
// nothing is left over.
func TestNothingIsLostMeanwhile(t *testing.T) {
	t.Parallel()
	const changes, seed = 100, 4
	sites := steadySites(rand.New(rand.NewPCG(seed, 9)), 1+changes)
	p := newPassage(t, sites[0])
	admin := logIn(t, p.lan, p.own)
	ping := p.lan.Start(exec.Command(testnet.Need(t, "ping", "iputils-ping"), "-i", "0.005", "-q", p.outside.String()))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p.talk(ctx)

	was, fresh := p.processes(), p.observe(load(t, sites[0]))
	for i, files := range sites[1:] {
		if p.applies(files); i%10 == 0 {
			admin.lives(fmt.Sprintf("after change %d", i))
		}
	}
	p.applies(sites[0])
	admin.lives("after all changes")
	p.is("the first after a hundred others", sites[0], fresh)
	if now := p.processes(); now != was {
		t.Errorf("the services are %s, they were %s", now, was)
	}

	lossless(t, ping)
	stop()
	p.talking.Wait()
	for network, k := range p.talks {
		if k.err != nil || k.said < changes || k.answered != k.said {
			t.Errorf("%s: %d words said, %d answered, %v", network, k.said, k.answered, k.err)
		}
		t.Logf("%s: %d words, %d answered", network, k.said, k.answered)
	}
}

var pinged = regexp.MustCompile(`(\d+) packets transmitted, (\d+) received`)

// lossless ends a ping, whose last packet may be on its way.
func lossless(t *testing.T, ping *testnet.Process) {
	t.Helper()
	ping.Signal(syscall.SIGINT)
	ping.Wait(t.Context())
	m := pinged.FindStringSubmatch(ping.Output())
	if m == nil {
		t.Fatalf("ping: %s", ping.Output())
	}
	sent, _ := strconv.Atoi(m[1])
	received, _ := strconv.Atoi(m[2])
	if sent-received > 1 || received < 100 {
		t.Errorf("ping: %s", m[0])
	}
	t.Log(m[0])
}
