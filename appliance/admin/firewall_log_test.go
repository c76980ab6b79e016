package admin_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/firewall/nflog"
)

// logging makes a gate whose service has logged some packets, and two more after the first question.
func logging(t *testing.T, lines ...nflog.Line) gate {
	t.Helper()
	g := newGate(t, nil)
	dir, err := os.MkdirTemp("", "admin") // short: the name of a socket has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Rename(filepath.Join(g.dir, "firewall.json"), filepath.Join(dir, "firewall.json")); err != nil {
		t.Fatal(err)
	}
	g.dir = dir
	l, err := control.Listen(dir, "nflog")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- control.Serve(ctx, l, control.Mux{"log": func(_ context.Context, raw json.RawMessage, send func(any) error) error {
			var args nflog.LogArgs
			if err := json.Unmarshal(raw, &args); err != nil {
				return err
			}
			end := len(lines) - 2
			if args.Follow {
				end = len(lines) // and it ends, as when the service stops
			}
			for _, l := range lines[args.After:end] {
				if err := send(l); err != nil {
					return err
				}
			}
			return nil
		}})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return g
}

func TestFirewallLog(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	addr := netip.MustParseAddr
	lines := []nflog.Line{
		{Record: nflog.Record{Rule: "refused", In: "eth0", MAC: "00:00:5e:00:53:01", Packet: nflog.Packet{Source: addr("198.51.100.7"),
			Destination: addr("192.0.2.10"), Proto: 6, Transport: true, SourcePort: 40000, DestinationPort: 22, Flags: "SYN"}}},
		{Record: nflog.Record{Rule: "no-web1-wan-smtp", In: "eth1", Out: "eth0", Packet: nflog.Packet{Source: addr("192.168.32.11"),
			Destination: addr("203.0.113.25"), Proto: 6, Transport: true, SourcePort: 40001, DestinationPort: 25, Flags: "SYN"}}},
		{Record: nflog.Record{Rule: "spoofed", In: "eth2", Early: true, MAC: "00:00:5e:00:53:21", Lost: 3, Packet: nflog.Packet{
			Source: addr("10.1.2.3"), Destination: addr("192.168.33.1"), Proto: 17, Fragment: true}}},
		{Record: nflog.Record{Rule: "refused", In: "eth0", Out: "eth1", Packet: nflog.Packet{Source: addr("2001:db8:ffff::7"),
			Destination: addr("2001:db8:0:20::11"), Proto: 58, Transport: true, Type: 128}}},
		{Record: nflog.Record{Rule: "gone\x1b[31m", In: "eth9", Out: "eth1", Packet: nflog.Packet{Source: addr("198.51.100.7"),
			Destination: addr("192.168.32.20"), Proto: 199}}},
		{Record: nflog.Record{Rule: "flood", Out: "eth0", Packet: nflog.Packet{Length: 7}}, Missing: true},
		{Record: nflog.Record{Rule: "refused", In: "eth2", Packet: nflog.Packet{Source: addr("192.168.33.50"), Destination: addr("192.168.33.1"),
			Proto: 1, Transport: true, Type: 13, Code: 2}, MAC: "00:00:5e:00:53:77"}},
	}
	for i := range lines {
		lines[i].Seq, lines[i].Time = uint64(i+1), at.Add(time.Duration(i)*time.Millisecond)
	}
	all := []string{
		"2026-05-01 12:00:00.000 deny  refused eth0(wan)→box tcp 198.51.100.7:40000 → box(192.0.2.10):22 SYN",
		"2026-05-01 12:00:00.001 deny  no-web1-wan-smtp (site.toml:32) eth1(lan)→eth0(wan) tcp web1(192.168.32.11):40001 → 203.0.113.25:25 SYN",
		"… 3 packets were logged here that the kernel could not hand over",
		"2026-05-01 12:00:00.002 deny  spoofed eth2(guests) udp 10.1.2.3 → box(192.168.33.1) fragment from card 00:00:5e:00:53:21 of laptop",
		"2026-05-01 12:00:00.003 deny  refused eth0(wan)→eth1(lan) icmpv6 2001:db8:ffff::7 → web1(2001:db8:0:20::11) echo-request",
		"2026-05-01 12:00:00.004       gone\\x1b[31m eth9→eth1(lan) protocol 199 198.51.100.7 → printer(192.168.32.20)",
		"… packets are missing here: too many came at once",
		"2026-05-01 12:00:00.005 deny  flood box→eth0(wan) 7 bytes that are no IP packet",
		"2026-05-01 12:00:00.006 deny  refused eth2(guests)→box icmp 192.168.33.50 → box(192.168.33.1) timestamp-request code 2 from card 00:00:5e:00:53:77",
	}
	g := logging(t, lines...)
	for _, tt := range []struct {
		args string
		want []string
	}{
		{"log", all[:6]},
		{"log -n 1", all[5:6]},
		{"log -f", all},
		{"log -f -n 0", all[6:]},
		{"log web1", []string{all[1], all[4]}},
		{"log -n 1 web1", all[4:5]},
		{"log guests -f", []string{all[2], all[3], all[8]}},
		{"log laptop", all[2:4]},
		{"log no-web1-wan-smtp", all[1:2]},
		{"log 198.51.100.7", []string{all[0], all[5]}},
		{"log nobody", []string{"no packet that a rule has dropped or logged has to do with nobody"}},
	} {
		stdout, stderr, code := g.run(t, strings.Fields(tt.args)...)
		want := ""
		for _, l := range tt.want {
			want += l + "\n"
		}
		if d := cmp.Diff(want, stdout); d != "" || stderr != "" || code != 0 {
			t.Errorf("%s: exit status %d, %s (-want +got):\n%s", tt.args, code, stderr, d)
		}
	}
	text, _, _ := g.run(t, "log", "--json", "spoofed")
	if !json.Valid([]byte(text)) || !strings.Contains(text, `"action":"deny","in_zone":"guests","destination_name":"box","card_name":"laptop"`) {
		t.Error(text)
	}
	if _, stderr, code := newGate(t, nil).run(t, "log"); code != 1 || !strings.Contains(stderr, "nflog is not running") {
		t.Errorf("without the service: exit status %d, %s", code, stderr)
	}
}
