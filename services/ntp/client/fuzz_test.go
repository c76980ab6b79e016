package client_test

import (
	"encoding/binary"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/filter"
	"github.com/gatehouse-os/gatehouse/services/ntp/ntptest"
)

// FuzzAnswers: servers that know the cookies may answer what they like, at any time, and be resolved to
// anything. Estimates are numbers, nobody is asked too often, and Next goes on.
func FuzzAnswers(f *testing.F) {
	good := make([]byte, 56)
	good[0], good[1] = 0x24, 1
	binary.BigEndian.PutUint64(good[32:], 0xee9a000000000000)
	binary.BigEndian.PutUint64(good[40:], 0xee9a000000001000)
	f.Add(append(good, append(good, good...)...))
	f.Fuzz(func(t *testing.T, script []byte) {
		conf := ntp.Config{Sources: []ntp.Source{{Addrs: []netip.Addr{addr("192.0.2.1")}}, {Name: "pool.example", Pool: true}}}
		r := uint64(1)
		c, err := client.New(&conf, ntptest.Built, filter.Unknown, func() uint64 { r = r*6364136223846793005 + 1; return r })
		if err != nil {
			t.Fatal(err)
		}
		now := time.Duration(0)
		asked := map[netip.Addr]int{}
		var act func([]client.Action)
		act = func(actions []client.Action) {
			for _, a := range actions {
				switch a := a.(type) {
				case client.Resolve:
					var addrs []netip.Addr
					if len(script) > 3 {
						addrs = append(addrs, netip.AddrFrom4([4]byte(script)), netip.AddrFrom4([4]byte{192, 0, 2, script[0]}))
					}
					act(c.Resolved(now, a.Name, addrs, ""))
				case client.Ask:
					asked[a.To]++
					if len(script) < 56 {
						script = nil
						continue
					}
					p := script[:48]
					if script[48]&1 == 0 {
						copy(p[24:], a.Packet[40:])
					}
					wait := time.Duration(binary.BigEndian.Uint16(script[49:])) * time.Millisecond / 8
					now += wait
					answer := client.Answer{Exchange: a.Exchange, Packet: p, Sent: now - wait, Received: now, Error: time.Duration(int8(script[51]))}
					script = script[56:]
					act(c.Receive(now, answer))
				case client.Follow:
					e := a.Estimate
					for _, x := range []float64{e.Frequency, e.FrequencyError, e.OffsetError, e.Jitter, e.Wander} {
						if math.IsNaN(x) || math.IsInf(x, 0) {
							t.Fatalf("%+v", e)
						}
					}
					if e.Distance < 0 || int64(e.At)+e.Offset < ntptest.Built-int64(time.Hour) {
						t.Fatalf("%+v", e)
					}
				}
			}
		}
		for range 60 {
			act(c.Tick(now))
			next := c.Next()
			if next <= now {
				t.Fatalf("Next is %v at %v", next, now)
			}
			now = min(next, now+time.Hour)
		}
		for a, n := range asked {
			if n > 8+int(now/(16*time.Second))+4 {
				t.Fatalf("%v was asked %d times in %v", a, n, now)
			}
		}
		c.Status(now)
	})
}
