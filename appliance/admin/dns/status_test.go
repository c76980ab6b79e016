package dns_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/services/dns/fair"
	"github.com/gatehouse-os/gatehouse/services/dns/front"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/run"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// usual is a service that is well.
func usual() run.Status {
	return run.Status{
		Started: now.Add(-76 * time.Hour),
		Answers: resolver.Stats{
			Outcomes: map[string]uint64{"local": 60012, "cached": 48020, "asked": 11900, "stale": 12, "failed": 31, "full": 5, "rejected": 3, "left": 0},
			Cache:    wire.CacheStats{Entries: 812, UsedBytes: 412000, Bytes: 4 << 20}, InFlight: 3, Clients: 2,
		},
		Links: []run.LinkStatus{
			{Name: "lo", Stats: front.Stats{UDP: front.Traffic{Queries: 211, Replies: 211}}},
			{Name: "eth1", Stats: front.Stats{UDP: front.Traffic{Queries: 119750, Replies: 119750}, TCP: front.Traffic{Queries: 22, Replies: 22}}},
		},
		Upstream: []upstream.Status{
			{Server: servers.Server{Address: addr("9.9.9.9"), Kind: servers.TLS, Name: "dns.quad9.net"}, Domains: []string{"."}, State: upstream.Up,
				Latency: 12300 * time.Microsecond, Usual: 31 * time.Millisecond, Counters: upstream.Counters{Asked: 11912, Answered: 11912}},
			{Server: servers.Server{Address: addr("192.168.40.1"), Kind: servers.Plain}, Domains: []string{"168.192.in-addr.arpa", "lab.example"},
				State: upstream.Unused},
		},
		Leases: 12,
		Tops: run.Tops{
			Looked: 118000,
			Names: []run.Count{{What: "www.example.net.", N: 9012}, {What: "store.home.example.", N: 4001}, {What: "api.vendor.example.", N: 801, Over: 90},
				{What: "time.example.org.", N: 700}, {What: "printer.home.example.", N: 650}, {What: "sixth.example.", N: 1}},
			Clients: []run.Count{{What: "192.168.32.100", N: 80121}, {What: "fd00:32::10", N: 20000}, {What: "127.0.0.1", N: 211}, {What: "192.168.32.77", N: 20}},
		},
	}
}

// troubled is one with everything that can be wrong, and with strangers who make the most of it.
func troubled() run.Status {
	st := usual()
	evil := "\x1b]0;owned\x07\u202e" + strings.Repeat("x", 300)
	st.Answers.Outcomes["newer"] = 7
	st.Answers.Outcomes["left"] = 4000000
	st.Answers.Cache.Evicted = 4711
	st.Links = append(st.Links,
		run.LinkStatus{Name: "eth2", Absent: "the link is not there"},
		run.LinkStatus{Name: "eth3", Stats: front.Stats{Overflow: 3, Crowded: 12345, Crowds: []fair.Loser{
			{Client: addr("192.168.32.100"), Dropped: 12000, First: now.Add(-time.Minute), Last: now.Add(-3 * time.Second)},
			{Client: addr("fe80::1%eth3"), Dropped: 345, First: now.Add(-time.Minute), Last: now.Add(time.Second)}},
			Oversized: 1, Unanswerable: 2, Untaken: 4, Evicted: 5, Slow: 6,
			Unsent: front.Unsent{NoRoom: 7, Filtered: 8, Unreachable: 9, Other: 10}}})
	st.Upstream[0].State, st.Upstream[0].Retry = upstream.Down, 30*time.Second
	st.Upstream[0].Error, st.Upstream[0].ErrorAt = "the certificate is not for it: "+evil, now.Add(-12*time.Second)
	st.Upstream[0].Unanswered = 12
	st.Upstream[1].State, st.Upstream[1].Retry = upstream.Down, 0 // its time is over, and nobody has asked
	st.Upstream[0].Name = strings.Repeat("long.", 40) + "example"
	st.Tops.Names[0].What = evil
	st.Tops.Names[1].What = strings.Repeat(`\027[31m`, 30) + ".example."
	st.Tops.Clients[0].What = evil
	st.Problems = []string{"No resolver outside answers: " + evil, "The names of clients with a lease cannot be read: the disk"}
	return st
}

func TestStatus(t *testing.T) {
	b := &box{status: usual(), leases: leasesOf()}
	b.start(t)
	text := story(t, b.env, "", "-a")
	admintest.Golden(t, *update, "status.txt", text)
	admintest.Safe(t, text, 80, "$")
}

// TestStatusTroubled: problems make the exit status, and strangers nothing but text.
func TestStatusTroubled(t *testing.T) {
	b := &box{status: troubled(), leases: leasesOf()}
	b.leases[0].Name = "lap\x1b[2Jtop"
	b.status.Tops.Clients = append(b.status.Tops.Clients[:1], run.Count{What: "192.168.32.100", N: 5})
	b.start(t)
	text := story(t, b.env, "")
	admintest.Golden(t, *update, "troubled.txt", text)
	admintest.Safe(t, text, 400, "$") // a word that is longer than a line is not broken
	if _, err := command(t, b.env, ""); !errors.Is(err, cli.ErrProblems) {
		t.Errorf("%v", err)
	}
}

// TestStatusAlone: without the site and DHCP nothing but names is missing.
func TestStatusAlone(t *testing.T) {
	b := &box{status: usual(), silent: true, siteErr: errors.New("damaged")}
	b.start(t)
	out, err := command(t, b.env, "")
	if err != nil || !strings.Contains(out, "192.168.32.100 ") || strings.Contains(out, "laptop") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestStatusJSON(t *testing.T) {
	b := &box{status: troubled()}
	b.start(t)
	out, err := command(t, b.env, "--json")
	var st run.Status
	if jsonErr := json.Unmarshal([]byte(out), &st); jsonErr != nil || !errors.Is(err, cli.ErrProblems) {
		t.Fatal(jsonErr, err)
	}
	if st.Answers.Outcomes["local"] != 60012 || len(st.Problems) != 2 {
		t.Errorf("%+v", st)
	}
}

// TestHungDHCP: names are missing after a while, and nothing else.
func TestHungDHCP(t *testing.T) {
	b := &box{status: usual(), hung: true}
	b.start(t)
	b.env.Patience = 10 * time.Millisecond
	out, err := command(t, b.env, "")
	if err != nil || !strings.Contains(out, "web(fd00:32::10)") {
		t.Errorf("%v\n%s", err, out)
	}
}
