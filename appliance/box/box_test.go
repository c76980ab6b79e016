package box

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/box/kept"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// A lab is a box in a world that only takes notes, in a bubble of virtual time.
type lab struct {
	*Box
	t    *testing.T
	dir  string // of the kept sites
	stop context.CancelFunc

	mu      sync.Mutex
	steps   []string       // what the world was told since it was last asked
	refuse  map[string]int // steps that are refused so often
	learned plan.Learned
	learnt  func(steps []string) plan.Learned // nil: learned
	slow    bool                              // services take longer than there is time, once
	missing error
	applied []int     // at which step the box said that what was learned is applied
	now     plan.Plan // what the world is
	log     []string
}

// files are a site with these lines of hosts and ethers.
func files(hosts, ethers string) map[string][]byte {
	const toml = "name = \"gate\"\ndomain = \"net.example\"\n\n[[lan]]\nname = \"lan\"\ninterface = \"eth1\"\n" +
		"ipv4 = \"192.168.32.1/24\"\npool = \"192.168.32.100-192.168.32.199\"\n" +
		"\n[[firewall.deny]]\nname = \"quiet\"\nfrom = \"lan\"\nto = \"box\"\nservice = \"ssh\"\n"
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlwv7dGP+JpgUWtxZKOAwZIVvARyyOVY6mQbIEMUC8w one@net.example"
	return map[string][]byte{"site.toml": []byte(toml), "hosts": []byte(hosts), "ethers": []byte(ethers), "authorized_keys": []byte(key)}
}

// web is a site with n hosts.
func web(n int) map[string][]byte {
	var hosts, ethers strings.Builder
	for i := range n {
		fmt.Fprintf(&hosts, "192.168.32.%d web%d\n", 10+i, i)
		fmt.Fprintf(&ethers, "00:16:3e:20:00:%02x web%d\n", 10+i, i)
	}
	return files(hosts.String(), ethers.String())
}

// moved is a site whose LAN is another.
func moved(n int) map[string][]byte {
	f := web(n)
	for name, data := range f {
		f[name] = []byte(strings.ReplaceAll(string(data), "192.168.32.", "192.168.40."))
	}
	return f
}

func newLab(t *testing.T, image map[string][]byte, dir string) *lab {
	l := &lab{t: t, dir: dir, refuse: map[string]int{}}
	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop
	o := Options{
		Image: bundle.Bundle{Files: image}, Storage: boot.Storage{Kind: boot.StorageDisk}, Uptime: uptime(),
		Log: func(format string, args ...any) { l.note(&l.log, fmt.Sprintf(format, args...)) },
	}
	if dir != "" {
		o.Store = kept.Open(dir)
	} else {
		o.Storage = boot.Storage{Kind: boot.StorageLost, Problem: "no disk"}
	}
	l.Box = New(ctx, l.world(), o)
	t.Cleanup(stop)
	return l
}

// uptime is the time since the bubble began.
func uptime() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}

func (l *lab) note(list *[]string, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, line)
}

// step is what each part of the world does: takes a note, and refuses what it should.
func (l *lab) step(name string, set func()) error {
	l.note(&l.steps, name)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse[name] > 0 {
		l.refuse[name]--
		return errors.New("no such device")
	}
	set()
	return nil
}

func (l *lab) world() World {
	return World{
		Firewall: func(r firewall.Loaded) error {
			return l.step("firewall", func() { l.now.Firewall = r })
		},
		Network: func(_ context.Context, c netcfg.Config) (missing, wrong error) {
			return l.missing, l.step("network", func() { l.now.Network = c })
		},
		System: func(p plan.Plan) error {
			return l.step("system", func() { l.now.HostName, l.now.ConsoleLocked, l.now.Files = p.HostName, p.ConsoleLocked, p.Files })
		},
		Units: func(ctx context.Context, units []supervise.Unit) error {
			if l.slow {
				l.slow = false
				<-ctx.Done()
				return ctx.Err()
			}
			return l.step("units", func() {
				l.now.Services = nil
				for _, u := range units {
					l.now.Services = append(l.now.Services, plan.Service{Name: u.Name, Config: string(u.Config)})
				}
			})
		},
		Learn: func(*site.Site) plan.Learned {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.learnt != nil {
				return l.learnt(l.steps)
			}
			return l.learned
		},
		Applied: func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.applied = append(l.applied, len(l.steps))
		},
		Publish: func(s Site, p plan.Plan) error {
			return l.step(fmt.Sprintf("publish %d", s.Number), func() { l.now.Learned = p.Learned })
		},
	}
}

// told compares the steps since the last call.
func (l *lab) told(what string, want ...string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.steps, want) {
		l.t.Errorf("%s: the world was told %q, want %q", what, l.steps, want)
	}
	l.steps = nil
}

// is compares the world with a site.
func (l *lab) is(what string, files map[string][]byte) {
	l.t.Helper()
	other := newLab(l.t, files, "")
	other.Storage, other.learned = l.Storage, l.learned
	if err := other.Start(); err != nil {
		l.t.Fatal(err)
	}
	if diff := cmp.Diff(other.now, l.now, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		l.t.Errorf("%s: the world is not what it is after a fresh start (-) but (+)\n%.2000s", what, diff)
	}
}

// submit puts a site on trial for a minute.
func (l *lab) submit(files map[string][]byte, by Person) (tells []Progress, err error) {
	l.t.Helper()
	packed, err := bundle.Pack(files, bundle.Meta{})
	if err != nil {
		l.t.Fatal(err)
	}
	file := filepath.Join(l.t.TempDir(), "submission")
	if err := os.WriteFile(file, packed, 0o600); err != nil {
		l.t.Fatal(err)
	}
	err = l.Submit(Submission{File: file, On: l.Running().Hash, By: by, What: "a test"}, func(p Progress) { tells = append(tells, p) })
	if _, left := os.Stat(file); left == nil {
		l.t.Error("the submission was not taken away")
	}
	return tells, err
}

func contains(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q in it", what, err, want)
	}
}

var ann, bob = Person{Who: "ann", From: "192.168.32.5", Connected: 1}, Person{Who: "bob", From: "192.168.32.6", Connected: 1}

// again is a person who has come in anew.
func (l *lab) again(p Person) Person {
	time.Sleep(time.Millisecond)
	p.Connected = l.Uptime()
	return p
}

func start(t *testing.T, image map[string][]byte, dir string) *lab {
	t.Helper()
	l := newLab(t, image, dir)
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	go l.Run()
	return l
}

func TestStartConfirmAndTheNextStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "site")
		l := start(t, web(1), dir)
		l.told("start", "firewall", "network", "system", "units", "publish 0")
		time.Sleep(time.Second)
		l.missing = errors.New("link eth1 does not exist")
		tells, err := l.submit(web(2), ann)
		if err != nil || len(tells) != 2 || tells[0].Number != 1 || tells[0].Took != 0 || tells[1].Took == 0 || tells[0].Within != time.Minute {
			t.Fatalf("%+v, %v", tells, err)
		}
		l.told("submit", "firewall", "network", "system", "units", "publish 1")
		if tells[0].Missing != "" || tells[1].Missing != "link eth1 does not exist" {
			t.Errorf("missing: %+v", tells)
		}
		if r := l.Running(); r.Number != 1 || r.Trial == nil || r.Trial.By != ann || r.Trial.Left != time.Minute {
			t.Errorf("%+v", r)
		}
		// A power cut now is a rollback.
		start(t, web(1), dir).is("after a power cut", web(1))

		time.Sleep(30 * time.Second)
		_, err = l.Confirm(0, ann)
		contains(t, "the old connection", err, "older than the change")
		_, err = l.Confirm(7, l.again(ann))
		contains(t, "another number", err, "site 1 is on trial, not 7")
		if n, err := l.Confirm(1, l.again(bob)); n != 1 || err != nil {
			t.Errorf("confirm: %d, %v", n, err)
		}
		if r := l.Running(); r.Meta.Who != "ann" || r.Meta.What != "a test" || r.Meta.When.IsZero() {
			t.Errorf("confirmed: %+v", r)
		}
		time.Sleep(time.Hour)
		l.told("nothing more")
		l.is("confirmed", web(2))
		next := start(t, web(1), dir)
		next.is("the next start", web(2))
		if r := next.Running(); r.Number != 1 || r.Meta.Who != "ann" || r.Meta.From != "192.168.32.5" || r.Meta.What != "a test" || r.Trial != nil {
			t.Errorf("%+v", r)
		}
		_, err = l.Confirm(0, l.again(ann))
		contains(t, "confirmed twice", err, "nothing is on trial; site 1 was confirmed")
	})
}

func TestNobodyConfirms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, web(1), filepath.Join(t.TempDir(), "site"))
		if _, err := l.submit(moved(1), ann); err != nil {
			t.Fatal(err)
		}
		l.is("on trial", moved(1))
		_, err := l.submit(web(3), bob)
		contains(t, "a second one", err, "site 1 of ann from 192.168.32.5 is on trial for another 1m:")
		time.Sleep(time.Minute)
		synctest.Wait()
		l.is("taken back", web(1))
		_, err = l.Confirm(0, l.again(ann))
		contains(t, "too late", err, "nothing is on trial; site 1 was taken back: nobody confirmed it within 1m")
		if entries, err := l.Store.List(); len(entries) > 0 || err != nil {
			t.Errorf("kept: %+v, %v", entries, err)
		}
		if left, err := os.ReadDir(l.dir); len(left) > 0 || err != nil {
			t.Errorf("left in %s: %v, %v", l.dir, left, err)
		}
		// By hand it is at once.
		if _, err := l.submit(moved(1), ann); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Rollback(bob); n == 0 || err != nil {
			t.Errorf("rollback: %d, %v", n, err)
		}
		l.is("rolled back", web(1))
		_, err = l.Rollback(bob)
		contains(t, "again", err, "nothing is on trial")
	})
}

// TestRefused: whatever refuses a change, the box is what it was.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, subject, want string
		steps               []string
	}{
		{"rules", "firewall", "nothing else was touched", []string{"firewall", "firewall", "network", "system", "units", "publish 0"}},
		{"addresses", "network", "no such device", []string{"firewall", "network", "firewall", "network", "system", "units", "publish 0"}},
		{"the name", "system", "no such device",
			[]string{"firewall", "network", "system", "units", "firewall", "network", "system", "units", "publish 0"}},
		{"a service", "units", "no such device",
			[]string{"firewall", "network", "system", "units", "firewall", "network", "system", "units", "publish 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := start(t, web(1), filepath.Join(t.TempDir(), "site"))
				l.told("start", "firewall", "network", "system", "units", "publish 0")
				l.refuse[c.subject] = 1
				_, err := l.submit(web(2), ann)
				contains(t, "submit", err, c.want)
				contains(t, "submit", err, "the box is what it was")
				l.told("refused", c.steps...)
				_, again := l.Confirm(0, Person{Who: "ann"})
				contains(t, "confirm", again, "nothing is on trial; site 1 could not be applied: ")
				contains(t, "confirm", again, c.want)
				if len(l.Problems()) > 0 || l.Running().Number != 0 {
					t.Errorf("problems %q, %+v", l.Problems(), l.Running())
				}
				l.is("after it", web(1))
			})
		})
	}
}

// TestTooSlow: who comes in to confirm hears that there was not the time to apply a site.
func TestTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, web(1), filepath.Join(t.TempDir(), "site"))
		l.slow = true
		_, err := l.submit(web(2), ann)
		contains(t, "submit", err, "it took longer than 1m: context deadline exceeded\nthe box is what it was")
		_, err = l.Confirm(0, Person{Who: "ann"})
		contains(t, "confirm", err, "nothing is on trial; site 1 could not be applied: it took longer than 1m")
		l.is("after it", web(1))
	})
}

// TestTooLarge: a site that the machine has no memory for is refused before anything is touched.
func TestTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, web(1), filepath.Join(t.TempDir(), "site"))
		l.learned = plan.Learned{Memory: 42<<20 + 120<<10} // fifty addresses and networks, and hosts
		if err := l.Start(); err != nil {
			t.Fatal(err)
		}
		l.told("start", "firewall", "network", "system", "units", "publish 0")
		large := web(2)
		large["site.toml"] = append(slices.Clone(large["site.toml"]), "\n[firewall.list]\nblocked = \"blocked.list\"\n"+
			"[[firewall.allow]]\nfrom = \"blocked\"\nto = \"box\"\nservice = \"ntp\"\n"...)
		for n := range 70 {
			large["blocked.list"] = fmt.Appendf(large["blocked.list"], "192.168.32.%d\n", 2*n+101)
		}
		_, err := l.submit(large, ann)
		contains(t, "submit", err, "nothing was touched: the sets of the firewall have ")
		l.told("refused")
		l.is("after it", web(1))
	})
}

// TestCannotGoBack: what cannot be taken back is a problem until it is mended.
func TestCannotGoBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, web(1), filepath.Join(t.TempDir(), "site"))
		l.refuse["units"] = 2
		_, err := l.submit(web(2), ann)
		contains(t, "submit", err, "could not be made what it was")
		if p := l.Problems(); len(p) != 1 || !strings.Contains(p[0], "no such device") {
			t.Errorf("problems: %q", p)
		}
		if _, err := l.submit(web(2), ann); err != nil {
			t.Fatal(err)
		}
		if p := l.Problems(); len(p) != 0 {
			t.Errorf("problems that are mended: %q", p)
		}
	})
}

// TestStartGoesOn: what is refused at the start is a problem; only without rules the rest is left alone.
func TestStartGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for subject, want := range map[string][]string{
			"firewall": {"firewall", "publish 0"},
			"network":  {"firewall", "network", "system", "units", "publish 0"},
			"units":    {"firewall", "network", "system", "units", "publish 0"},
		} {
			l := newLab(t, web(1), filepath.Join(t.TempDir(), "site"))
			l.refuse[subject] = 1
			contains(t, subject, l.Start(), "no such device")
			l.told(subject, want...)
		}
	})
}

// TestWhichSiteStarts: the one that was kept, unless the image is another one; what is wrong with it is said.
func TestWhichSiteStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "site")
		for n := range 2 {
			l := start(t, web(1), dir)
			if _, err := l.submit(web(2+n), ann); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Confirm(0, l.again(ann)); err != nil {
				t.Fatal(err)
			}
		}
		start(t, web(1), dir).is("kept", web(3))
		other := start(t, web(7), dir)
		other.is("another image", web(7))
		if note := other.Running().Note; !strings.Contains(note, "site 2 was applied to another image") {
			t.Errorf("note: %q", note)
		}
		if err := os.Truncate(filepath.Join(dir, "2.tar.gz"), 100); err != nil {
			t.Fatal(err)
		}
		damaged := start(t, web(1), dir)
		damaged.is("damaged", web(2))
		if p := damaged.Problems(); len(p) != 1 || !strings.HasPrefix(p[0], "site: ") {
			t.Errorf("problems: %q", p)
		}
		if _, err := damaged.submit(web(4), ann); err != nil {
			t.Fatal(err)
		}
		if _, err := damaged.Confirm(0, damaged.again(ann)); err != nil {
			t.Fatal(err)
		}
		if p := damaged.Problems(); len(p) != 0 {
			t.Errorf("problems that are mended: %q", p)
		}
	})
}

// TestLearned: what the box learns is applied by the same path, and only if it means something.
func TestLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, web(1), filepath.Join(t.TempDir(), "site"))
		l.told("start", "firewall", "network", "system", "units", "publish 0")
		l.Learned()
		synctest.Wait()
		if !slices.Equal(l.applied, []int{0}) { // that there is nothing to apply is said too
			t.Errorf("applied after %v steps", l.applied)
		}
		l.told("nothing new")
		l.mu.Lock()
		l.learned = plan.Learned{Memory: 1 << 30, Shortcut: []string{"eth0", "eth1"}}
		l.mu.Unlock()
		l.Learned()
		synctest.Wait()
		if !slices.Equal(l.applied, []int{0, 5}) {
			t.Errorf("applied after %v steps", l.applied)
		}
		l.told("new", "firewall", "network", "system", "units", "publish 0")
		l.is("learned", web(1))

		// What is learned by the start itself is part of it.
		l = newLab(t, web(1), "")
		l.learnt = func(steps []string) plan.Learned {
			if slices.Contains(steps, "network") {
				return plan.Learned{Shortcut: []string{"eth0", "eth1.20"}}
			}
			return plan.Learned{}
		}
		if err := l.Start(); err != nil {
			t.Fatal(err)
		}
		l.told("start", "firewall", "network", "system", "units", "firewall", "network", "system", "units", "publish 0")
		if got := l.now.Firewall.Features.Offload; len(got) != 2 {
			t.Errorf("the short cut has %v", got)
		}
	})
}

// TestNothingToTry: what means the same needs no trial, and what cannot be kept is refused before anything is
// touched.
func TestNothingToTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, web(1), filepath.Join(t.TempDir(), "site"))
		same := web(1)
		same["hosts"] = append([]byte("# a comment\n"), same["hosts"]...)
		same["site.toml"] = append([]byte("# a comment\n"), same["site.toml"]...)
		tells, err := l.submit(same, ann)
		if err != nil || !tells[1].Kept || l.Running().Trial != nil || l.Running().Number != 1 {
			t.Errorf("%+v, %v, %+v", tells, err, l.Running())
		}
		l.told("the same", "firewall", "network", "system", "units", "publish 0", "firewall", "network", "system", "units", "publish 1")

		lost := start(t, web(1), "")
		_, err = lost.submit(web(2), ann)
		contains(t, "no storage", err, "no stable storage to keep a site on: no disk")
		_, err = l.submit(files("192.168.99.1 web0\n", "00:16:3e:20:00:0a web0\n"), ann)
		contains(t, "a bad site", err, "hosts:1")
		l.told("nothing was touched")
		lost.is("without storage", web(1))
	})
}

// TestToldInTime: who may be cut off is told before; nobody else waits.
func TestToldInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, web(1), filepath.Join(t.TempDir(), "site"))
		for _, c := range []struct {
			what  string
			files map[string][]byte
			by    Person
			want  time.Duration
		}{
			{"another host", web(2), ann, 0},
			{"another network", moved(1), ann, tellTime},
			{"from the console", moved(1), Person{Who: "console"}, 0},
		} {
			begin := time.Now()
			if _, err := l.submit(c.files, c.by); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took != c.want {
				t.Errorf("%s: it took %v, want %v", c.what, took, c.want)
			}
			l.Rollback(bob)
		}
	})
}

// TestTurns: a site that comes while the box is being changed waits for its turn, but not for ever.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, web(1), filepath.Join(t.TempDir(), "site"))
		l.hold(t.Context())
		time.AfterFunc(turnTime-1, l.release)
		if _, err := l.submit(web(2), ann); err != nil {
			t.Fatal(err)
		}
		l.hold(t.Context())
		_, err := l.submit(web(3), bob)
		contains(t, "for ever", err, "is being changed this moment")
		l.release()
		_, err = l.submit(web(3), bob)
		contains(t, "its turn", err, "site 1 of ann from 192.168.32.5 is on trial")
	})
}

// TestUnits: a plan's services are started, whatever storage there is.
func TestUnits(t *testing.T) {
	f := web(1)
	f["site.toml"] = append(f["site.toml"], "[wan]\ninterface = \"eth0\"\nipv4 = \"dhcp\"\n"...)
	s, err := Load(0, bundle.Bundle{Files: f})
	if err != nil {
		t.Fatal(err)
	}
	all, err := unitsOf(plan.Make(s.Site, plan.Learned{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{roster.WAN, roster.DHCP, roster.SSH} {
		i := slices.IndexFunc(all, func(u supervise.Unit) bool { return u.Name == name })
		if i < 0 || len(all[i].Config) == 0 {
			t.Errorf("%s is not started: %+v", name, all)
		}
	}
}
