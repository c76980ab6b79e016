package conn

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// told is what WatchCarrier said.
type told struct {
	mu  sync.Mutex
	ups []bool
}

func (c *told) take(up bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ups = append(c.ups, up)
}

// wait waits until that is all that was said.
func (c *told) wait(t *testing.T, want ...bool) {
	t.Helper()
	testnet.Eventually(t, 10*time.Second, fmt.Sprint("it has said ", want), func() bool {
		return slices.Equal(c.since(0), want)
	})
}

// since returns what was said after the first n.
func (c *told) since(n int) []bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ups[min(n, len(c.ups)):])
}

// TestCarrier pulls the cable, plugs it, does both at once, sets the link down, and takes
// the card out.
func TestCarrier(t *testing.T) {
	n := newNetwork(t)
	n.box.Bridge("br0")
	var c told
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.box.Do(func() error { return WatchCarrier(ctx, "wan0", c.take) }) }()
	c.wait(t, true)
	replug := func() {
		n.isp.Down("eth0")
		n.isp.Up("eth0")
	}
	for _, step := range []struct {
		what string
		do   func()
		want []bool
	}{
		{"cable out", func() { n.isp.Down("eth0") }, []bool{false}},
		{"cable in", func() { n.isp.Up("eth0") }, []bool{true}},
		{"out and in", replug, []bool{false, true}},
		{"another link", func() { n.box.Connect("lan0", n.isp, "eth1") }, nil},
		{"another word of it", func() { n.box.Run("ip", "link", "set", "wan0", "alias", "x") }, nil},
		{"into a bridge", func() { n.box.Run("ip", "link", "set", "wan0", "master", "br0") }, nil},
		{"and out of it", func() { n.box.Run("ip", "link", "set", "wan0", "nomaster") }, nil},
		{"set down", func() { n.box.Down("wan0") }, []bool{false}},
		{"set up", func() { n.box.Up("wan0") }, []bool{true}},
		{"card out", func() { n.box.Run("ip", "link", "del", "wan0") }, []bool{false}},
		{"another card", func() { n.box.Connect("wan0", n.isp, "eth0") }, []bool{true}},
		{"called otherwise", func() { n.box.Run("ip", "link", "set", "wan0", "name", "wan7") }, []bool{false}},
		{"and back", func() { n.box.Run("ip", "link", "set", "wan7", "name", "wan0") }, []bool{true}},
	} {
		before := len(c.since(0))
		step.do()
		if step.want == nil {
			time.Sleep(2 * lookEvery)
		}
		testnet.Eventually(t, 10*time.Second, step.what+" is told", func() bool {
			return len(c.since(before)) >= len(step.want)
		})
		if got := c.since(before); !slices.Equal(got, step.want) {
			t.Errorf("%s: told %v, want %v", step.what, got, step.want)
		}
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
}

// TestCarrierSoon pulls the cable and plugs it in again, at once when it was told. The kernel
// by itself would say so a second after the time before. The quickest of a few is looked at:
// what the machine does beside this is no matter.
func TestCarrierSoon(t *testing.T) {
	n := newNetwork(t)
	said := make(chan time.Time, 100)
	go func() {
		_ = n.box.Do(func() error {
			return WatchCarrier(t.Context(), "wan0", func(bool) { said <- time.Now() })
		})
	}()
	<-said
	best := map[string]time.Duration{"out": time.Hour, "in": time.Hour}
	for range 5 {
		start := time.Now()
		n.isp.Down("eth0")
		best["out"] = min(best["out"], (<-said).Sub(start))
		start = time.Now()
		n.isp.Up("eth0")
		best["in"] = min(best["in"], (<-said).Sub(start))
	}
	t.Log(best)
	if best["out"] > 500*time.Millisecond || best["in"] > 500*time.Millisecond {
		t.Errorf("told late: %v", best)
	}
}

// TestCarrierAbsent: a link that is not there is down, and comes.
func TestCarrierAbsent(t *testing.T) {
	n := newNetwork(t)
	var c told
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = n.box.Do(func() error { return WatchCarrier(ctx, "wan1", c.take) }) }()
	c.wait(t, false)
	n.box.Connect("wan1", n.isp, "eth1")
	c.wait(t, false, true)
}

// FuzzReadLink: nothing that looks like a message of the kernel does harm.
func FuzzReadLink(f *testing.F) {
	f.Add([]byte{
		48, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // struct nlmsghdr
		0, 0, 1, 0, 2, 0, 0, 0, 0x43, 0, 1, 0, 0, 0, 0, 0, // struct ifinfomsg
		7, 0, 3, 0, 'w', '0', 0, 0, // IFLA_IFNAME
		8, 0, 48, 0, 1, 0, 0, 0, // IFLA_CARRIER_DOWN_COUNT
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		up := false
		w := &carrierWatch{name: "w0", tell: func(now bool) { up = up || now }}
		w.read(b)
		if up && !bytes.Contains(b, []byte("w0")) {
			t.Error("a link was up that nothing was said of")
		}
	})
}
