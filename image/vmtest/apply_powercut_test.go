package vmtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/box/kept"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// How often TestApplyPowerCuts cuts the power at each write, for of what was not flushed there may be more or
// less on the disk each time: while a confirmation has no answer, and otherwise.
const (
	openCuts = 12
	calmCuts = 3
)

// TestApplyPowerCuts cuts the power at every write and flush that the disk saw of two sites that were applied
// and confirmed, and of a third that was taken back, and each time the disk does the worst it may with what
// was not flushed. The next start finds the site from before a confirmation or the one from after it, whole;
// which of the two is open only while the confirmation has no answer.
func TestApplyPowerCuts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	a := record(ctx, t)
	ends := a.ends()
	begin := time.Now()
	cuts, found := 0, map[[2]int]int{}
	for _, n := range ends {
		low, high := a.may(n)
		times := calmCuts
		if low != high {
			times = openCuts
		}
		for range times {
			number, err := a.cut(ctx, n)
			if err != nil {
				t.Errorf("cut at %d of %d: %v", n, a.log.End, err)
			}
			found[[2]int{low, number}]++
		}
		cuts += times
	}
	t.Logf("%d power cuts at %d writes and flushes; the last that was confirmed, the one that is found, how often: %v",
		cuts, len(ends), found)
	for _, c := range a.confirms {
		if found[[2]int{c.number - 1, c.number - 1}] == 0 || found[[2]int{c.number, c.number}] == 0 {
			t.Errorf("no cut has shown the site before %d, or it: %v", c.number, found)
		}
	}
	t.Logf("that took %v", time.Since(begin))
	for _, n := range a.telling() {
		a.boots(ctx, t, n)
	}
}

// applied is what an appliance wrote to its disk, and what it had said by then.
type applied struct {
	img      Image
	admin    admin
	wan, lan *testnet.Namespace
	root     string // the disk before
	dir      string
	r        *rand.Rand
	log      DiskLog
	begin    int64          // of the first change, in bytes of the log
	base     string         // hash of the image's site
	hashes   map[int]string // of the sites, by their numbers
	confirms []confirmation
}

// A confirmation was asked for when the log had from bytes, and answered when it had to.
type confirmation struct {
	number   int
	from, to int64
}

// record runs an appliance that is made other sites, until its power is cut.
func record(ctx context.Context, t *testing.T) *applied {
	t.Helper()
	img := theImage(t, homeImage)
	a := &applied{
		img: img, wan: newSwitch(t, "wan", gateway+"/24"), lan: newSwitch(t, "lan", storeAddr),
		root: img.Root, dir: t.TempDir(), r: rand.New(rand.NewPCG(1, 12)), hashes: map[int]string{},
	}
	log := filepath.Join(a.dir, "log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a.admin = admin{from: a.lan, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(a.dir, "known_hosts")}
	vm := applianceWith(t, img, a.wan, a.lan, Disk{Path: disk(ctx, t, img.Root), Log: log})
	w := newWorkstation(t, a.admin, "../../examples/home")
	a.base = a.admin.clean(ctx, t, "the image").Box.Site.Hash
	a.hashes[0] = a.base
	a.begin = size(log)
	for n, end := range []string{"confirm", "confirm", "rollback"} {
		w.add(t, "hosts", fmt.Sprintf("192.168.32.%d host%[1]d\n", 50+n))
		number, err := strconv.Atoi(w.apply(ctx, t))
		if err != nil {
			t.Fatal(err)
		}
		var s status
		a.admin.json(ctx, t, "gatehouse status --json || true", &s)
		a.hashes[number] = s.Box.Site.Hash
		c := confirmation{number: number, from: size(log)}
		a.admin.must(ctx, t, "gatehouse "+end)
		if c.to = size(log); end == "confirm" {
			a.confirms = append(a.confirms, c)
		}
	}
	vm.Kill()
	var err error
	if a.log, err = ReadDiskLog(log); err != nil {
		t.Fatal(err)
	}
	return a
}

// ends are the lengths of the log at which the power may be cut, from the first change on.
func (a *applied) ends() (all []int64) {
	for _, w := range a.log.writes {
		if w.at >= a.begin {
			all = append(all, w.at)
		}
	}
	return append(all, a.log.End)
}

// may are the least and the highest number of the site that an appliance may start with whose power was cut
// when the log had n bytes; 0 is the image's.
func (a *applied) may(n int64) (low, high int) {
	for _, c := range a.confirms {
		if n > c.from {
			high = c.number
		}
		if n >= c.to {
			low = c.number
		}
	}
	return low, high
}

// disk makes the disk as it is found when the power is cut after n bytes of the log.
func (a *applied) disk(ctx context.Context, n int64) (string, error) {
	file := filepath.Join(a.dir, "disk")
	if err := CopyDisk(ctx, a.root, file); err != nil {
		return "", err
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	return file, errors.Join(a.log.CutPower(f, n, a.r), f.Close())
}

// cut looks for the site that an appliance starts with whose power was cut after n bytes of the log.
func (a *applied) cut(ctx context.Context, n int64) (number int, err error) {
	disk, err := a.disk(ctx, n)
	if err != nil {
		return 0, err
	}
	return a.found(ctx, disk, n)
}

// found reads the kept sites of a disk as they are after the next boot has begun with e2fsck -p.
func (a *applied) found(ctx context.Context, disk string, n int64) (number int, err error) {
	fsck := exec.CommandContext(ctx, "e2fsck", "-p", disk)
	if out, err := fsck.CombinedOutput(); fsck.ProcessState.ExitCode() > 1 { // 1: mended
		return 0, fmt.Errorf("e2fsck -p: %w: %s", err, out)
	}
	dir := filepath.Join(a.dir, "found")
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return 0, err
	}
	dump := exec.CommandContext(ctx, "debugfs", "-R", "rdump /perm/site "+dir, disk)
	if out, err := dump.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("debugfs: %w: %s", err, out)
	}
	latest, damaged := kept.Open(filepath.Join(dir, "site")).Latest(a.base)
	low, high := a.may(n)
	switch {
	case len(damaged) > 0:
		return 0, errors.Join(damaged...)
	case latest.OtherImage || latest.Number < low || latest.Number > high:
		return 0, fmt.Errorf("site %d is found (of another image: %v), want %d to %d",
			latest.Number, latest.OtherImage, low, high)
	case latest.Number > 0 && bundle.Hash(latest.Bundle.Files) != a.hashes[latest.Number]:
		return 0, fmt.Errorf("site %d is not what was applied", latest.Number)
	}
	return latest.Number, nil
}

// telling are the cuts after which the appliance is booted: with a site that nobody has confirmed, in the
// middle of each confirmation and right after one, and when the third was taken back.
func (a *applied) telling() []int64 {
	first, second := a.confirms[0], a.confirms[1]
	return []int64{first.from, (first.from + first.to) / 2, (second.from + second.to) / 2, second.to, a.log.End}
}

// boots starts the appliance after a power cut. The site that runs is the one that is on the disk, and
// another can be applied as ever.
func (a *applied) boots(ctx context.Context, t *testing.T, n int64) {
	t.Helper()
	file, err := a.disk(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	looked := filepath.Join(a.dir, "looked")
	if err := CopyDisk(ctx, file, looked); err != nil {
		t.Fatal(err)
	}
	number, err := a.found(ctx, looked, n)
	if err != nil {
		t.Fatal(err)
	}
	vm := appliance(t, a.img, a.wan, a.lan, file)
	defer vm.Kill()
	when := fmt.Sprintf("booted after a cut at %d of %d", n, a.log.End)
	s := a.admin.clean(ctx, t, when).Box.Site
	if s.Number != number || s.Hash != a.hashes[number] {
		t.Errorf("%s: site %d runs, want %d", when, s.Number, number)
	}
	w := newWorkstation(t, a.admin, "../../examples/home")
	w.add(t, "hosts", "192.168.32.60 phone\n")
	w.mustPush(ctx, t)
}
