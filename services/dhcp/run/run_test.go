package run

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// TestDurableBeforeTold: when an ACK leaves, its lease survives a power cut.
func TestDurableBeforeTold(t *testing.T) {
	disk, acks := new(leasefiletest.Disk), 0
	check := func(c *cable) {
		c.onSend = func(p *dhcpv4.DHCPv4) {
			if p.MessageType() != dhcpv4.MessageTypeAck {
				return
			}
			acks++
			found, err := durable(disk)
			if l := found[p.YourIPAddr.String()]; err != nil || l.State != lease.Bound || l.MAC.String() != p.ClientHWAddr.String() {
				t.Errorf("%s was acknowledged, on disk is %+v (%v)", p.YourIPAddr, l, err)
			}
		}
	}
	inBubble(t, config(), disk, check, func(r *rig) {
		for n := range 20 {
			r.dora(n)
		}
		r.say(ask(3, dhcpv4.MessageTypeRequest, func(p *dhcpv4.DHCPv4) { p.ClientIPAddr = net.IPv4(10, 1, 0, 3) }))
	})
	if acks != 21 {
		t.Errorf("%d acknowledgements", acks)
	}
}

// TestGroupCommit: what has queued up while the disk works shares its next sync.
func TestGroupCommit(t *testing.T) {
	disk := new(leasefiletest.Disk)
	disk.Slow(time.Millisecond) // meanwhile all is read
	const clients = 300
	queued := func(c *cable) {
		for n := range clients {
			c.in <- ask(n, dhcpv4.MessageTypeRequest, selecting(netip.AddrFrom4([4]byte{10, 1, 1, byte(n)}).String())...)
		}
	}
	inBubble(t, config(), disk, queued, func(r *rig) {
		time.Sleep(time.Second)
		synctest.Wait()
		st := must[Status](t)(r.s.Status(r.t.Context()))
		const most = 2 + clients/maxBatch // the first may be alone, the last batch is not full
		if n := len(r.replies()); n != clients || st.Journal.Syncs > most {
			t.Errorf("%d replies, %d syncs, want at most %d", n, st.Journal.Syncs, most)
		}
	})
}

// TestFailingDisk: no ACK while leases cannot be stored, other answers still come,
// the state is shown, and when the disk works again so does the service.
func TestFailingDisk(t *testing.T) {
	disk := new(leasefiletest.Disk)
	inBubble(t, config(), disk, nil, func(r *rig) {
		before := r.dora(1)
		disk.Fail(errDisk)
		for range 3 { // the client asks again and again
			if got := r.dora(2); got != "" {
				t.Errorf("%s was acknowledged without being stored", got)
			}
		}
		if got := r.say(ask(3, dhcpv4.MessageTypeRequest, selecting("192.0.2.1")...)); len(got) != 1 || got[0].MessageType() != dhcpv4.MessageTypeNak {
			t.Errorf("a refusal needs no disk: %v", got)
		}
		st := must[Status](t)(r.s.Status(r.t.Context()))
		if st.Journal.OK || !strings.Contains(st.Journal.Error, errDisk.Error()) || len(st.Problems) != 1 || st.Subnets[0].Dropped["not-stored"] != 3 {
			t.Errorf("%+v", st)
		}
		disk.Fail(nil)
		if got := r.dora(2); got != "" {
			t.Error("a failing disk was not left alone for a second")
		}
		time.Sleep(retryAfter)
		after := r.dora(2)
		found := must[map[string]lease.Lease](t)(durable(disk))
		if after == "" || found[before].State != lease.Bound || found[after].State != lease.Bound {
			t.Errorf("leases %q and %q, on disk %v", before, after, found)
		}
		if st := must[Status](t)(r.s.Status(r.t.Context())); !st.Journal.OK || len(st.Problems) > 0 {
			t.Errorf("%+v", st)
		}
		if e, i := r.log.count("cannot be written"), r.log.count("can be written again"); e != 1 || i != 1 {
			t.Errorf("logged %d failures and %d recoveries", e, i)
		}
	})
}

func TestRestartKeepsLeases(t *testing.T) {
	disk := new(leasefiletest.Disk)
	had := map[int]string{}
	inBubble(t, config(), disk, nil, func(r *rig) {
		for n := range 5 {
			had[n] = r.dora(n)
		}
	})
	inBubble(t, config(), disk, nil, func(r *rig) {
		if got := r.dora(99); got != "10.1.0.5" {
			t.Errorf("a new client got %s", got)
		}
		for n := 4; n >= 0; n-- {
			if got := r.dora(n); got != had[n] {
				t.Errorf("card %d had %s and got %s", n, had[n], got)
			}
		}
	})
}

func TestJournalIsKeptShort(t *testing.T) {
	disk := new(leasefiletest.Disk)
	inBubble(t, config(), disk, nil, func(r *rig) {
		addr := net.ParseIP(r.dora(1))
		for range 3 * slack {
			r.say(ask(1, dhcpv4.MessageTypeRequest, func(p *dhcpv4.DHCPv4) { p.ClientIPAddr = addr }))
		}
		st := must[Status](t)(r.s.Status(r.t.Context()))
		if st.Journal.Rewrites != 2 || st.Journal.Records > slack+10 {
			t.Errorf("%+v", st.Journal)
		}
		if found := must[map[string]lease.Lease](t)(durable(disk)); len(found) != 1 {
			t.Errorf("%v", found)
		}
	})
}

// TestDamagedJournal: what is wrong with it is logged and shown.
func TestDamagedJournal(t *testing.T) {
	disk := new(leasefiletest.Disk)
	inBubble(t, config(), disk, nil, func(r *rig) { r.dora(1); r.dora(2); r.dora(3); r.dora(4) })
	b := disk.Bytes(leasefile.Name)
	b[strings.Index(string(b), "10.1.0.1 ")] = '2'
	disk.Put(leasefile.Name, b[:len(b)-5])
	inBubble(t, config(), disk, nil, func(r *rig) {
		st := must[Status](t)(r.s.Status(r.t.Context()))
		if r.log.count("line 3: the checksum does not match") != 1 || r.log.count("cut off") != 1 || st.Journal.Damaged != 1 ||
			st.Subnets[0].Leases != 2 || len(st.Problems) != 1 {
			t.Errorf("%+v\n%s", st, r.log.b.String())
		}
	})
}

func TestPoolRunsOut(t *testing.T) {
	conf := config()
	conf.Subnets[0].Pool[0].Last = netip.MustParseAddr("10.1.0.1")
	inBubble(t, conf, new(leasefiletest.Disk), nil, func(r *rig) {
		r.dora(1)
		addr := r.dora(2)
		for n := range 5 {
			if got := r.say(ask(10+n, dhcpv4.MessageTypeDiscover)); len(got) > 0 {
				t.Errorf("an offer of %s", got[0].YourIPAddr)
			}
		}
		if st := must[Status](t)(r.s.Status(r.t.Context())); r.log.count("no free address") != 1 || len(st.Problems) != 1 ||
			st.Problems[0] != "The pool of lan has no free address for new clients: of 2, 2 are leased, 0 on offer and 0 in quarantine. Its 2 leases: 1 asked for by the cards themselves; 2 began within the last hour, and who asked for 1 is not known before they are renewed." ||
			st.Subnets[0].Dropped["pool-exhausted"] != 5 || st.Subnets[0].PoolFree != 0 {
			t.Errorf("%+v", st)
		}
		r.say(ask(2, dhcpv4.MessageTypeRelease, func(p *dhcpv4.DHCPv4) { p.ClientIPAddr = net.ParseIP(addr) }))
		if st := must[Status](t)(r.s.Status(r.t.Context())); len(st.Problems) > 0 {
			t.Errorf("an address is free, and yet: %q", st.Problems)
		}
		time.Sleep(time.Hour)
		r.dora(10)
		r.say(ask(10, dhcpv4.MessageTypeDiscover))
		if st := must[Status](t)(r.s.Status(r.t.Context())); r.log.count("free addresses again") != 1 || len(st.Problems) > 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestSocketFailures(t *testing.T) {
	inBubble(t, config(), new(leasefiletest.Disk), nil, func(r *rig) {
		r.cable.set(nil, errors.New("no buffer space"))
		r.say(ask(1, dhcpv4.MessageTypeDiscover))
		r.cable.set(errors.New("network is down"), nil)
		r.say(ask(1, dhcpv4.MessageTypeDiscover))
		time.Sleep(time.Minute)
		st := must[Status](t)(r.s.Status(r.t.Context()))
		if st.Subnets[0].Dropped["not-sent"] != 1 || r.log.count("reply not sent") != 1 || r.log.count("cannot receive") != 1 {
			t.Errorf("%+v\n%s", st, r.log.b.String())
		}
		r.cable.set(nil, nil)
		time.Sleep(time.Second)
		if r.dora(1) == "" {
			t.Error("no lease after the link came back")
		}
	})
}

// TestFlood: more than every queue holds, of all kinds, and then an orderly end.
func TestFlood(t *testing.T) {
	flood := func(c *cable) {
		for n := range 4000 {
			switch n % 4 {
			case 0:
				c.in <- ask(n, dhcpv4.MessageTypeDiscover)
			case 1:
				c.in <- []byte("rubbish")
			case 2:
				c.in <- ask(n, dhcpv4.MessageTypeRequest, selecting("10.1.2.3")...)
			case 3:
				c.in <- ask(n, dhcpv4.MessageTypeRelease)
			}
		}
	}
	inBubble(t, config(), new(leasefiletest.Disk), flood, func(r *rig) {
		st := must[Status](t)(r.s.Status(r.t.Context())).Subnets[0]
		if st.Sent["OFFER"] != 1000 || st.Dropped["malformed"] != 2000 || st.Sent["ACK"] != 1 || st.Sent["NAK"] != 999 {
			t.Errorf("%+v", st)
		}
		time.Sleep(time.Second)
		r.say(ask(3, dhcpv4.MessageTypeRequest, selecting("192.0.2.1")...))
		if n := r.log.count(ratelimit.LeftOut); n != 1 {
			t.Errorf("%d times it was too much", n)
		}
		if r.log.count("\n") > logBurst+10 {
			t.Errorf("%d lines were logged", r.log.count("\n"))
		}
	})
}

func TestMethods(t *testing.T) {
	inBubble(t, config(), new(leasefiletest.Disk), nil, func(r *rig) {
		r.dora(1)
		r.dora(2)
		call := func(method, args string, into any) {
			t.Helper()
			err := r.s.Methods()[method](r.t.Context(), json.RawMessage(args), func(result any) error {
				b, err := json.Marshal(result)
				if err != nil {
					return err
				}
				return json.Unmarshal(b, into)
			})
			if err != nil {
				t.Fatalf("%s: %v", method, err)
			}
		}
		var st Status
		call("status", "", &st)
		if st.Subnets[0].Name != "lan" || st.Subnets[0].PoolUsed != 2 || st.Subnets[0].Received["REQUEST"] != 2 || !st.Journal.OK {
			t.Errorf("%+v", st)
		}
		var leases []dhcp.LeaseInfo
		call("leases", "null", &leases)
		if len(leases) != 2 || leases[1].Addr.String() != "10.1.0.1" || leases[1].State != "bound" || leases[1].Kind != "pool" {
			t.Errorf("%+v", leases)
		}
		var recent []Exchange
		call("recent", `{"mac":"`+card(2).String()+`"}`, &recent)
		if len(recent) != 2 || recent[0].Type != "DISCOVER" || recent[0].Reply != "OFFER" || recent[0].Reason != "never used before" ||
			recent[1].State != "SELECTING" || recent[1].Addr.String() != "10.1.0.1" || recent[1].Asked != recent[1].Addr {
			t.Errorf("%+v", recent)
		}
		call("recent", "", &recent)
		if len(recent) != 4 {
			t.Errorf("%d exchanges", len(recent))
		}
		if err := r.s.Methods()["recent"](r.t.Context(), json.RawMessage(`{"mac":"x"}`), nil); err == nil {
			t.Error("a bad argument was taken")
		}
	})
}

// TestRecentIsBounded: a card's last exchanges are remembered, those of cards that
// are known whatever strangers do.
func TestRecentIsBounded(t *testing.T) {
	inBubble(t, config(), new(leasefiletest.Disk), nil, func(r *rig) {
		addr := net.ParseIP(r.dora(1))
		for range perCard {
			r.say(ask(1, dhcpv4.MessageTypeRequest, func(p *dhcpv4.DHCPv4) { p.ClientIPAddr = addr }))
		}
		for n := range 2 * MaxStrangers {
			r.cable.in <- ask(1000+n, dhcpv4.MessageTypeDiscover)
		}
		synctest.Wait()
		r.replies()
		mac := lease.MAC(card(1))
		if all := must[[]Exchange](t)(r.s.Recent(r.t.Context(), &mac)); len(all) != perCard || all[0].State != "RENEWING" || all[0].Life != time.Hour {
			t.Errorf("of one card: %+v", all)
		}
		stranger := lease.MAC(card(1000))
		if all := must[[]Exchange](t)(r.s.Recent(r.t.Context(), &stranger)); len(all) != 0 {
			t.Errorf("of the first stranger: %+v", all)
		}
		all := must[[]Exchange](t)(r.s.Recent(r.t.Context(), nil))
		if len(all) != perCard+MaxStrangers {
			t.Errorf("%d exchanges in all", len(all))
		}
		for n := range MaxKnown + MaxStrangers { // strangers become known, and push out the first of those
			r.dora(1000 + n)
		}
		h := &r.s.history
		if h.known.len != MaxKnown || h.strangers.len > MaxStrangers || len(h.cards) != h.known.len+h.strangers.len || h.cards[mac] != nil {
			t.Errorf("%d known, %d strangers, %d cards", h.known.len, h.strangers.len, len(h.cards))
		}
	})
}

// TestWhy: what was asked and told is there to read.
func TestWhy(t *testing.T) {
	inBubble(t, config(), new(leasefiletest.Disk), nil, func(r *rig) {
		r.say(ask(1, dhcpv4.MessageTypeDiscover, dhcpv4.WithGeneric(dhcpv4.OptionClassIdentifier, []byte("PXEClient:Arch:00007")),
			dhcpv4.WithGeneric(dhcpv4.OptionClientSystemArchitectureType, []byte{0, 7}), dhcpv4.WithRequestedOptions(dhcpv4.OptionRouter)))
		r.say(ask(1, dhcpv4.MessageTypeRequest, selecting("192.0.2.1")...))
		mac := lease.MAC(card(1))
		all := must[[]Exchange](t)(r.s.Recent(r.t.Context(), &mac))
		if len(all) != 2 || all[0].Class != "PXEClient:Arch:00007" || all[1].Server.String() != "10.0.0.1" || all[0].Stage != "PXE" || all[0].Arch != "x86-64 UEFI" || all[1].Reason != "not an address of this network" || all[1].Reply != "NAK" {
			t.Fatalf("%+v", all)
		}
		for _, want := range []string{`60 vendor-class "PXEClient:Arch:00007"`, "93 client-arch 7", "55 requested-options 3"} {
			if !slices.Contains(all[0].Says, want) {
				t.Errorf("%q does not have %q", all[0].Says, want)
			}
		}
		for _, want := range []string{"3 router 10.0.0.1", "51 lease-time 3600", "1 netmask 255.0.0.0"} {
			if !slices.Contains(all[0].Told, want) {
				t.Errorf("%q does not have %q", all[0].Told, want)
			}
		}
		if st := must[Status](t)(r.s.Status(r.t.Context())).Subnets[0]; st.Stages["PXE"] != 1 || st.Offered != 1 {
			t.Errorf("%+v", st)
		}
	})
}

func TestStartFails(t *testing.T) {
	listen := func(string, netip.Addr) (Conn, error) { return newCable(), nil }
	quiet := slog.New(slog.DiscardHandler)
	nothing := func() error { return nil }
	fail := func() error { return errDisk }
	never := func() error { t.Error("ready without serving"); return nil }

	if _, err := Open(dhcp.Config{}, Options{Log: quiet, Listen: listen}); err == nil {
		t.Error("an empty configuration was taken")
	}
	if _, err := Open(config(), Options{Log: quiet, Listen: func(string, netip.Addr) (Conn, error) { return nil, errDisk }}); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	broken := new(leasefiletest.Disk)
	broken.Fail(errDisk)
	for name, tc := range map[string]struct {
		disk        *leasefiletest.Disk
		drop, ready func() error
	}{
		"drop":    {new(leasefiletest.Disk), fail, never},
		"journal": {broken, nothing, never},
		"ready":   {new(leasefiletest.Disk), nothing, fail},
	} {
		s, err := Open(config(), Options{FS: tc.disk, Log: quiet, Listen: listen})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context(), tc.drop, tc.ready); !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAskingAServiceThatDoesNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(config(), Options{Log: slog.New(slog.DiscardHandler), Listen: func(string, netip.Addr) (Conn, error) { return newCable(), nil }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Status(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestPing: the answer comes when it is its turn, and shows that it goes on. That the disk
// fails is no reason to be silent.
func TestPing(t *testing.T) {
	disk := new(leasefiletest.Disk)
	inBubble(t, config(), disk, nil, func(r *rig) {
		answers := 0
		ping := func() error {
			ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
			defer cancel()
			return r.s.Methods()["ping"](ctx, nil, func(any) error { answers++; return nil })
		}
		disk.Fail(errDisk)
		if err := ping(); err != nil || answers != 1 {
			t.Errorf("%d answers, %v", answers, err)
		}
		r.s.mu.Lock()
		if err := ping(); !errors.Is(err, context.DeadlineExceeded) || answers != 1 {
			t.Errorf("the service hangs: %d answers, %v", answers, err)
		}
		r.s.mu.Unlock()
		if err := ping(); err != nil || answers != 2 {
			t.Errorf("the service goes on: %d answers, %v", answers, err)
		}
	})
}
