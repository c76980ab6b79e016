// Package xen measures how long the appliance takes as a Xen domain, from xl create to its first DHCP OFFER,
// beside a Debian with dnsmasq, radvd, chrony, nftables and sshd that is started in the same way on the same
// host.
//
// The host is that of the Xen tests, a dom0 under QEMU's TCG, with hotplug scripts that are shorter than
// Xen's; "xl" says how much of a figure is xl's own work. Guests read the processor's clock themselves, as
// they do on a processor that says its clocks to be invariant (dom0.NativeTSC). Compare the lines of one run,
// never numbers of two machines. "used-MB" is what is not available of the guest's memory when it has come to
// rest, "disk-MB" what its files hold: disk, kernel and initrd.
package xen

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/image/vmtest"
	"github.com/gatehouse-os/gatehouse/image/vmtest/dom0"
)

// A guest is one to start.
type guest struct {
	name   string
	domain string // of xl
	config string // file in dom0
	files  []string
	login  string // of an administrator, with ssh
}

const (
	askEvery = 20 * time.Millisecond
	rest     = 20 * time.Second // from the first OFFER until everything else has been started
)

// client is a host that no site knows (RFC 7042, section 2.1.2).
var client = net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, 0x53, 0x01}

func BenchmarkFirstOffer(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Minute)
	defer cancel()
	dir := b.TempDir()
	image := filepath.Join(dir, "firewall")
	if err := os.Mkdir(image, 0o755); err != nil {
		b.Fatal(err)
	}
	ours, err := vmtest.BuildImage(ctx, image, "../../examples/home")
	if err != nil {
		b.Fatal(err)
	}
	theirs, err := buildPeer(ctx, filepath.Join(dir, "peer"), ours.Key+".pub")
	if err != nil {
		b.Fatal(err)
	}
	port, lan, err := vmtest.NewWire()
	if err != nil {
		b.Fatal(err)
	}
	defer lan.Close()
	host := dom0.Start(ctx, b, dom0.Config{Data: dir, Key: ours.Key, LAN: port})
	// dom0 is also the administrator's place on the LAN.
	setup := "ip address add 192.168.32.10/24 dev xenbr1; printf '#!/bin/sh\nexec ssh -F none -i %s -o BatchMode=yes " +
		"-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR \"$1@192.168.32.1\" \"$2\"' " + ours.Key +
		" >/usr/local/sbin/on; chmod +x /usr/local/sbin/on"
	if _, err := host.Run(ctx, setup); err != nil {
		b.Fatal(err)
	}
	for _, kind := range []string{"pvh", "pv"} {
		for _, g := range []guest{gatehouse(ours), theirs} {
			create := "xl create " + g.config + " " + dom0.Quote(`type="`+kind+`"`) + " " + dom0.Quote(dom0.NativeTSC) + " >&2"
			b.Run(g.name+"/"+strings.ToUpper(kind), func(b *testing.B) { g.measure(ctx, b, create, host, lan) })
		}
	}
}

func gatehouse(img vmtest.Image) guest {
	return guest{
		name: "Gatehouse", domain: "firewall", config: filepath.Join(img.Dir, "firewall.cfg"),
		files: []string{img.Root, img.Perm, img.Kernel}, login: "admin",
	}
}

// measure starts the guest b.N times, and reports the mean of what it took.
func (g guest) measure(ctx context.Context, b *testing.B, create string, host *dom0.Host, lan *vmtest.Wire) {
	var offers, xls time.Duration
	var used float64
	for range b.N {
		start := time.Now()
		xl := make(chan error, 1)
		var xlTook time.Duration
		go func() {
			_, err := host.Run(ctx, create)
			xlTook = time.Since(start)
			xl <- err
		}()
		_, offerErr := lan.Offer(ctx, client, 0, askEvery)
		offers += time.Since(start)
		if err := <-xl; err != nil || offerErr != nil {
			b.Fatalf("%v; xl: %v", offerErr, err)
		}
		xls += xlTook
		time.Sleep(rest)
		used += g.used(ctx, b, host)
		if _, err := host.Run(ctx, "xl shutdown -w "+g.domain+" >&2; while xl domid "+g.domain+" >/dev/null 2>&1; do sleep 0.5; done"); err != nil {
			b.Fatal(err)
		}
	}
	n := float64(b.N)
	b.ReportMetric(0, "ns/op") // of everything above, which nobody asks for
	b.ReportMetric(offers.Seconds()/n, "s-to-OFFER")
	b.ReportMetric(xls.Seconds()/n, "s-of-xl")
	b.ReportMetric(used/n, "used-MB")
	b.ReportMetric(g.disk(b), "disk-MB")
}

// used is the guest's memory that is in use, in MB (10⁶ bytes).
func (g guest) used(ctx context.Context, b *testing.B, host *dom0.Host) float64 {
	text, err := host.Run(ctx, "on "+g.login+" 'cat /proc/meminfo'")
	if err != nil {
		b.Fatal(err)
	}
	value := func(name string) float64 {
		m := regexp.MustCompile(name + `: *(\d+) kB`).FindStringSubmatch(text)
		if m == nil {
			b.Fatalf("no %s in %q", name, text)
		}
		kB, _ := strconv.Atoi(m[1])
		return float64(kB)
	}
	return (value("MemTotal") - value("MemAvailable")) * 1024 / 1e6
}

// disk is what the files take on a disk that knows holes, in MB (10⁶ bytes).
func (g guest) disk(b *testing.B) float64 {
	var blocks int64
	for _, name := range g.files {
		var st syscall.Stat_t
		if err := syscall.Stat(name, &st); err != nil {
			b.Fatal(fmt.Errorf("%s: %w", name, err))
		}
		blocks += st.Blocks
	}
	return float64(blocks) * 512 / 1e6
}
