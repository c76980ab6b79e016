package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/image/vmtest"
)

const (
	guestMemoryMB = 256
	guestSlice    = 1500 * time.Millisecond
	// burst packets are sent at once, then nothing for a pause: more than the guest forwards, less than would
	// keep the emulator from running.
	burst, pause = 256, 2 * time.Millisecond
	laptop       = "192.168.32.77"
)

var guestMACs = [2]string{"00:16:3e:20:00:f0", "00:16:3e:20:00:f1"}

// A guest is the appliance in QEMU between the two hosts of a lab, which drop all UDP that they get.
type guest struct {
	wan, lan *space
	vm       *vmtest.VM
	rules    *session
	streams  []*sender
}

// shortcut compares what the appliance's own kernel forwards of established conversations with and without
// flowtable: the same rules, one after the other, in the same machine. What counts is the processor's time of
// the emulator, for nothing here tells how long a real processor would take.
func shortcut(ctx context.Context, dir, site string, rounds int, log io.Writer) (r row, err error) {
	r = row{what: "with flowtable, to without: packets per second of emulator", bound: atLeast, target: 1}
	g, err := startGuest(ctx, dir, site, log)
	if g != nil {
		defer func() { err = errors.Join(err, g.remove()) }()
	}
	if err != nil {
		return r, err
	}
	for range rounds {
		for _, kind := range []struct {
			word  string
			rates *[]float64
		}{{"with", &r.ours}, {"without", &r.peer}} {
			if err := g.rules.ask(kind.word); err != nil {
				return r, fmt.Errorf("rules %s flowtable: %w", kind.word, err)
			}
			rate, err := g.slice()
			if err != nil {
				return r, err
			}
			*kind.rates = append(*kind.rates, rate)
		}
	}
	return r, nil
}

func startGuest(ctx context.Context, dir, site string, log io.Writer) (*guest, error) {
	fmt.Fprintf(log, "building the image of %s\n", site)
	img, err := vmtest.BuildImage(ctx, dir, site)
	if err != nil {
		return nil, err
	}
	g := &guest{}
	if g.wan, err = newSpace(ctx, "guest-wan"); err != nil {
		return g, err
	}
	if g.lan, err = newSpace(ctx, "guest-lan"); err != nil {
		return g, err
	}
	var nics []vmtest.NIC
	for i, s := range []*space{g.wan, g.lan} {
		port, err := s.tap(ctx, [2]string{wanHost, lanHost}[i])
		if err != nil {
			return g, err
		}
		nics = append(nics, vmtest.NIC{MAC: guestMACs[i], Port: port})
	}
	g.vm, err = vmtest.Launch(ctx, dir, vmtest.Machine{
		Name: "firewall", Kernel: img.Kernel, Append: vmtest.Append, MemoryMB: guestMemoryMB,
		Disks: []vmtest.Disk{{Path: img.Root, Snapshot: true}}, NICs: nics,
	})
	if err != nil {
		return g, err
	}
	if g.rules, err = g.lan.login(ctx, img); err != nil {
		return g, fmt.Errorf("%w; the end of its console:\n%s", err, g.vm.Tail(20))
	}
	return g, g.prepare()
}

// prepare makes a sender for conversations of a host of the LAN, and one for their answers on the WAN.
func (g *guest) prepare() error {
	flows := make([]flow, conversations)
	for i := range flows {
		flows[i] = flow{netip.AddrPortFrom(netip.MustParseAddr(laptop), uint16(20_000+i)), server}
	}
	for i, f := range [][]flow{answers(flows), flows} {
		frames := make([][]byte, len(f))
		for j := range f {
			frames[j] = f[j].frame(hardware(guestMACs[i]))
		}
		s, err := newSender([]*space{g.wan, g.lan}[i], tapName, frames)
		if err != nil {
			return err
		}
		g.streams = append(g.streams, s)
	}
	return nil
}

// slice sends more than the guest can forward for a while, and returns how many packets arrived for a second
// of the emulator's time.
func (g *guest) slice() (float64, error) {
	for range 3 { // until they are established, and have their short cut
		for _, side := range []int{fromLAN, fromWAN} {
			if err := g.streams[side].send(1); err != nil {
				return 0, err
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	used, got, err := g.state()
	if err != nil {
		return 0, err
	}
	for end := time.Now().Add(guestSlice); time.Now().Before(end); time.Sleep(pause) {
		if err := g.streams[fromLAN].send(burst / conversations); err != nil {
			return 0, err
		}
	}
	usedNow, gotNow, err := g.state()
	if err == nil && gotNow == got {
		err = errors.New("nothing arrives")
	}
	return float64(gotNow-got) / (usedNow - used).Seconds(), err
}

func (g *guest) state() (used time.Duration, got uint64, err error) {
	got, err = g.wan.received(tapName)
	if err != nil {
		return 0, 0, err
	}
	used, err = emulatorCPU()
	return used, got, err
}

func (g *guest) remove() error {
	var errs []error
	if g.rules != nil {
		g.rules.close()
	}
	if g.vm != nil {
		g.vm.Kill()
	}
	for _, s := range g.streams {
		errs = append(errs, s.close())
	}
	for _, s := range []*space{g.lan, g.wan} {
		if s != nil {
			errs = append(errs, s.remove())
		}
	}
	return errors.Join(errs...)
}

const tapName = "tap"

// tap makes the end of a cable for the guest, with an address, where UDP is dropped.
func (s *space) tap(ctx context.Context, addr string) (vmtest.Port, error) {
	for _, args := range []string{"tuntap add " + tapName + " mode tap", "addr add " + addr + "/24 dev " +
		tapName, "link set " + tapName + " txqueuelen 1000 up"} {
		if err := ip(ctx, "-n "+s.name+" "+args); err != nil {
			return vmtest.Port{}, err
		}
	}
	const deaf = "table ip t { chain c { type filter hook prerouting priority raw; meta l4proto udp drop; }; }"
	if err := s.run(ctx, deaf, "nft", "-f", "-"); err != nil {
		return vmtest.Port{}, err
	}
	return vmtest.Tap(s.do, tapName)
}

// emulatorCPU is the processor's time that the children of this process called qemu have used.
func emulatorCPU() (time.Duration, error) {
	self := strconv.Itoa(os.Getpid())
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // gone
		}
		name, rest, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(rest); strings.Contains(name, "(qemu") && len(f) > 1 && f[1] == self {
			return threadsCPU(filepath.Dir(file))
		}
	}
	return 0, errors.New("QEMU is gone")
}

func threadsCPU(process string) (total time.Duration, err error) {
	threads, err := filepath.Glob(process + "/task/*/schedstat")
	if err != nil {
		return 0, err
	}
	for _, t := range threads {
		text, err := os.ReadFile(t)
		if err != nil {
			continue // a thread that ended
		}
		var ns int64
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			return 0, err
		}
		total += time.Duration(ns)
	}
	return total, nil
}
