package keep

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/neighbours"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations"
)

// A kernel is that of a test.
type kernel struct {
	said  chan []neighbours.Entry
	fails chan error
	once  sync.Once
	over  chan struct{}

	mu    sync.Mutex
	all   []neighbours.Entry // what it says when it is asked
	asked int
}

func newKernel() *kernel {
	return &kernel{said: make(chan []neighbours.Entry, 10), fails: make(chan error), over: make(chan struct{})}
}

// Read implements Neighbours.
func (k *kernel) Read() ([]neighbours.Entry, error) {
	select {
	case all := <-k.said:
		return all, nil
	case err := <-k.fails:
		return nil, err
	case <-k.over:
		return nil, os.ErrClosed
	}
}

// Ask implements Neighbours.
func (k *kernel) Ask() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	k.said <- k.all
	return nil
}

func (k *kernel) times() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asked
}

// Close implements Neighbours.
func (k *kernel) Close() error {
	k.once.Do(func() { close(k.over) })
	return nil
}

// A desk is a Keeper with the world of a test.
type desk struct {
	*Keeper
	t      *testing.T
	kernel *kernel
	dir    string
	end    func()
}

const link = "lan0"

func lan(prefixes ...string) (c Config) {
	l := LAN{Network: "home", Link: link}
	for _, p := range prefixes {
		l.Prefixes = append(l.Prefixes, netip.MustParsePrefix(p))
	}
	return Config{LANs: []LAN{l, {Network: "lab", Link: "eth9", Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:9::/64")}}}}
}

// begin starts a Keeper on what is in dir. The time of day is ahead of the test's by so much.
func begin(t *testing.T, dir string, ahead *atomic.Int64, conf Config) *desk {
	t.Helper()
	d := &desk{t: t, kernel: newKernel(), dir: dir}
	began := time.Now()
	var err error
	d.Keeper, err = Open(conf, Options{
		Log: slog.New(slog.DiscardHandler), Events: slog.New(slog.DiscardHandler), Dir: dir, Uptime: func() time.Duration { return time.Since(began) },
		Wall: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		Open: func() (Neighbours, error) { return d.kernel, nil },
		Look: func(name string) (int, []netip.Addr, error) {
			if name != link {
				return 0, nil, errors.New("no such link")
			}
			return 7, []netip.Addr{netip.MustParseAddr("2001:db8:1::1")}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	d.end = func() { cancel(); <-done }
	synctest.Wait()
	return d
}

func entry(index int, addr string) neighbours.Entry {
	return neighbours.Entry{Link: index, Addr: netip.MustParseAddr(addr), MAC: ethernet.MAC{0, 0x16, 0x3e, 0, 0, 5}, Confirmed: true}
}

func (d *desk) say(all ...neighbours.Entry) {
	d.kernel.said <- all
	synctest.Wait()
}

// file is what is published.
func (d *desk) file() []stationfile.Station {
	d.t.Helper()
	all, err := stationfile.Read(d.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
	return all
}

// has checks how many addresses are published.
func (d *desk) has(what string, n int) {
	d.t.Helper()
	synctest.Wait()
	if got := d.file(); len(got) != n {
		d.t.Errorf("%s: %d addresses are published, want %d: %v", what, len(got), n, got)
	}
}

// TestPublish: what is new is published at once, but not all the time; what is not, once a day.
func TestPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := begin(t, t.TempDir(), new(atomic.Int64), lan("2001:db8:1::/64"))
		defer d.end()
		d.say(entry(7, "2001:db8:1::1"), entry(7, "2001:db8:2::5"), entry(8, "2001:db8:1::5"), entry(7, "2001:db8:9::5"))
		time.Sleep(time.Second)
		d.has("the appliance's own, and those of no LAN", 0)
		d.say(entry(7, "2001:db8:1::5"))
		time.Sleep(time.Second)
		d.has("the first", 1)
		d.say(entry(7, "2001:db8:1::6"))
		time.Sleep(time.Second)
		d.has("a second one soon after", 1)
		time.Sleep(writeEvery)
		d.has("ten seconds later", 2)
		before := d.file()
		for range 23 * 6 {
			time.Sleep(10 * time.Minute)
			d.say(entry(7, "2001:db8:1::5"))
		}
		if got := d.file(); got[0] != before[0] {
			t.Errorf("nothing was new, and it is written: %v", got)
		}
		time.Sleep(2 * time.Hour)
		if got := d.file(); got[0].Last.Sub(before[0].Last) < 20*time.Hour || got[0].Used < 20*time.Hour {
			t.Errorf("it is a day old: %v", got)
		}
	})
}

// TestAsk: the kernel is asked at the start, now and then, when something was lost, and for those of another
// prefix, which are published then.
func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := begin(t, t.TempDir(), new(atomic.Int64), lan("2001:db8:1::/64"))
		defer d.end()
		asked := func(what string, n int) {
			t.Helper()
			synctest.Wait()
			if got := d.kernel.times(); got != n {
				t.Errorf("%s: it was asked %d times, want %d", what, got, n)
			}
		}
		asked("at the start", 1)
		d.kernel.mu.Lock()
		d.kernel.all = []neighbours.Entry{entry(7, "2001:db8:2::5")}
		d.kernel.mu.Unlock()
		time.Sleep(time.Minute)
		for range 20 {
			d.kernel.fails <- neighbours.ErrLost
			time.Sleep(time.Second)
		}
		asked("it loses messages all the time", 4)
		time.Sleep(time.Minute)
		asked("and no more", 4)
		time.Sleep(askEvery)
		asked("ten minutes later", 5)
		d.Set(lan("2001:db8:2::/64"))
		time.Sleep(askAgain + time.Second)
		asked("another prefix", 6)
		d.has("another prefix", 1)
		d.kernel.fails <- errors.New("out of order")
		time.Sleep(tryAgain)
		d.say(entry(7, "2001:db8:2::6"))
		time.Sleep(writeEvery)
		d.has("after another failure", 2)
	})
}

// TestAgain: what was published is known after a restart, and after the time of day was set. What is not to
// be read is learned anew.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, ahead := t.TempDir(), new(atomic.Int64)
		d := begin(t, dir, ahead, lan("2001:db8:1::/64"))
		for range 30 {
			d.say(entry(7, "2001:db8:1::5"))
			time.Sleep(time.Hour)
		}
		d.end()
		first := d.file()
		if len(first) != 1 || first[0].Kind != stations.Stable || !first[0].Current || first[0].Used != 29*time.Hour {
			t.Fatalf("it ends with %+v", first)
		}
		time.Sleep(20 * time.Hour)
		d = begin(t, dir, ahead, lan()) // a prefix that is not there yet
		time.Sleep(writeEvery)
		if got := d.file(); len(got) != 1 || got[0].Current || got[0].Kind != stations.Stable || !got[0].First.Equal(first[0].First) {
			t.Errorf("without its prefix: %+v", got)
		}
		d.Set(lan("2001:db8:1::/64"))
		time.Sleep(writeEvery + time.Second)
		if got := d.Stations(); len(got) != 1 || !got[0].Current || got[0].Used != 29*time.Hour {
			t.Errorf("with its prefix: %+v", got)
		}
		const years = 50 * 365 * 24 * time.Hour
		ahead.Store(int64(years))
		time.Sleep(2 * time.Minute)
		if got := d.file(); len(got) != 1 || got[0].First.Sub(first[0].First) != years {
			t.Errorf("the clock is set: %+v", got)
		}
		d.end()
		if err := os.WriteFile(filepath.Join(dir, stationfile.Name), []byte("what?\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		d = begin(t, dir, ahead, lan("2001:db8:1::/64"))
		defer d.end()
		time.Sleep(time.Second)
		d.has("one that cannot be read", 0)
	})
}

// TestProblem: that it cannot be stored is said, and tried again.
func TestProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "later")
		d := begin(t, dir, new(atomic.Int64), lan("2001:db8:1::/64"))
		defer d.end()
		d.say(entry(7, "2001:db8:1::5"))
		time.Sleep(time.Second)
		if p := d.Problems(); len(p) != 1 || !strings.Contains(p[0], "cannot be stored") {
			t.Errorf("problems: %q", p)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(tryAgain + time.Second)
		d.has("it can be again", 1)
		if p := d.Problems(); len(p) > 0 {
			t.Errorf("problems: %q", p)
		}
	})
}
