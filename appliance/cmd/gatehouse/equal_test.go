package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/site"
)

var (
	pairs     = flag.Int("pairs", 20, "how many random pairs of sites TestApplyEqualsStart tries")
	firstPair = flag.Uint64("first-pair", 1, "the number of the first of them, which is their seed")
)

// applied is a box that gets one site after the other.
type applied struct{ *testBox }

// startSite starts a box with some cards, and with a site. The other ends of the cards are in namespaces of
// hosts, and have the names of the cards there; where there is none, in one that nobody is in.
func startSite(t *testing.T, files fstest.MapFS, cards int, hosts ...*testnet.Namespace) *applied {
	t.Helper()
	return startCards(t, files, cards, hosts)
}

// startCards is startSite with more variables for the box.
func startCards(t *testing.T, files fstest.MapFS, cards int, hosts []*testnet.Namespace, env ...string) *applied {
	t.Helper()
	ns := testnet.New(t, "box")
	for nobody := testnet.New(t, "nobody"); len(hosts) < cards; {
		hosts = append(hosts, nobody)
	}
	// Link-local addresses are ready at once, and the kernel tells nothing of them later.
	ns.Sysctl("ipv6.conf.default.accept_dad", "0")
	for i, host := range hosts[:cards] {
		card := fmt.Sprintf("eth%d", i)
		ns.Run("ip", "link", "add", card, "address", fmt.Sprintf("00:00:5e:00:53:1%d", i), "type", "veth",
			"peer", "name", card, "address", fmt.Sprintf("00:00:5e:00:53:2%d", i), "netns", host.Name())
		host.Up(card)
	}
	dir := t.TempDir()
	writeSite(t, dir, files)
	return &applied{startBoxOn(t, ns, dir, sameDisk(t), env...)}
}

// sameDisk is a /perm with what a box makes itself by chance and people see: it is the same for all boxes.
func sameDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(filepath.Join(dir, "ula"), []byte("fd00:1:2::/48\n"), 0o444))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeSite(t *testing.T, dir string, files fstest.MapFS) {
	t.Helper()
	for name, f := range files {
		if err := os.WriteFile(filepath.Join(dir, name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// submits gives the box a site, which runs then, on trial; it returns what the command says.
func (b *applied) submits(files fstest.MapFS) string {
	b.t.Helper()
	const next = "/run/next"
	dir := fmt.Sprintf("/proc/%d/root%s", b.pid, next)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.t.Fatal(err)
	}
	writeSite(b.t, dir, files)
	return b.gatehouse("apply", next)
}

// applies makes the box a site.
func (b *applied) applies(files fstest.MapFS) {
	b.t.Helper()
	out := b.submits(files)
	switch {
	case strings.Contains(out, "is kept."), strings.Contains(out, "The box is this site already."):
	case strings.Contains(out, "Applied in "):
		if out := b.gatehouse("confirm"); !strings.Contains(out, "is kept.") {
			b.t.Fatalf("confirm: %s", out)
		}
	default:
		b.t.Fatalf("apply: %s", out)
	}
}

// is compares the box with what a box of that site is that has just started.
func (b *applied) is(what string, files fstest.MapFS, fresh observation) {
	b.t.Helper()
	if diff := b.observe(load(b.t, files)).differences(fresh); diff != nil {
		b.t.Errorf("%s is not a fresh start with it (+ only after it, - only after the start):\n%s",
			what, strings.Join(diff, "\n"))
	}
}

func load(t *testing.T, files fs.FS) *site.Site {
	t.Helper()
	s, err := site.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// again is the same site in other words.
func again(files fstest.MapFS) fstest.MapFS {
	same := maps.Clone(files)
	same["site.toml"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%s\n# the same\n", files["site.toml"].Data)}
	return same
}

// TestApplyEqualsStart: whatever a box was, with a site it is what it would be had it started with that site,
// and the same site once more touches nothing.
func TestApplyEqualsStart(t *testing.T) {
	for i := range uint64(*pairs) {
		seed := *firstPair + i
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 9))
			a, b := randomPair(r)
			cards := one(r, 4, 4, 4, 3) // sometimes a LAN's is not there
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("-args -first-pair %d -pairs 1\nA is\n%s\nB is\n%s", seed, text(a), text(b))
				}
			})
			comesAndGoes(t, a, b, cards)
		})
	}
}

func text(files fstest.MapFS) string {
	var all strings.Builder
	for _, name := range []string{"site.toml", "hosts", "ethers", "blocked.list", "authorized_keys"} {
		fmt.Fprintf(&all, "-- %s --\n%s", name, files[name].Data)
	}
	return all.String()
}

// comesAndGoes has one box go from A to B, to B again, and back to A, and another from B to A, which is taken
// back.
func comesAndGoes(t *testing.T, a, b fstest.MapFS, cards int) {
	first, second := startSite(t, a, cards), startSite(t, b, cards)
	freshA, freshB := first.observe(load(t, a)), second.observe(load(t, b))

	first.applies(b)
	first.is("B after A", b, freshB)
	first.staysAsItIs(b)
	first.applies(a)
	first.is("A after B after A", a, freshA)

	out := second.submits(a)
	second.is("A on trial", a, freshA)
	if strings.Contains(out, "is kept.") {
		return // they are the same in other words: there is no trial
	}
	second.gatehouse("rollback")
	second.is("B after the trial", b, freshB)
}

// staysAsItIs applies the site that runs once more, in other words, and hears of nothing that is touched.
func (b *applied) staysAsItIs(files fstest.MapFS) {
	b.t.Helper()
	was, log, ear := b.processes(), b.log(), listen(b.testBox)
	b.applies(again(files))
	for _, event := range ear.heard() {
		b.t.Errorf("the same site once more: the kernel tells of %s", event)
	}
	if now := b.processes(); now != was {
		b.t.Errorf("the same site once more: processes are %s, they were %s", now, was)
	}
	said, ok := strings.CutPrefix(b.log(), log)
	for line := range strings.Lines(said) {
		// Of addresses that the change before took away the box says so a while later; of one that went now
		// the kernel would have told.
		if !ok || !strings.HasPrefix(line, "init site ") && !strings.Contains(line, "the box has lost") {
			b.t.Errorf("the same site once more: the log has %s", line)
		}
	}
}

// log are all lines of the log without their times, which the clock has another idea of each time.
func (b *applied) log() string {
	b.t.Helper()
	var all strings.Builder
	for line := range strings.Lines(b.gatehouse("log", "-n", "10000")) {
		if f := strings.Fields(line); len(f) > 2 {
			fmt.Fprintln(&all, strings.Join(f[2:], " "))
		}
	}
	return all.String()
}
