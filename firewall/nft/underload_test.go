package nft_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/flowtest"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
)

const reloads = 1000

// bothWays are what two policies agree about, one conversation for each %d; the last ones begin before the
// first reload and go on.
const bothWays = `
wan   new tcp 198.51.100.7:%[1]d > 192.0.2.10:22 S => dropped
wan   new tcp 198.51.100.7:%[1]d > 192.0.2.10:443 S => web1 to 192.168.32.11:443
wan   new tcp [2001:db8:9::7]:%[1]d > [2001:db8:32::50]:80 S => dropped
wan   new udp [2001:db8:9::7]:%[1]d > [2001:db8:32::11]:6000 => web1
wan   new udp 198.51.100.7:%[1]d > 192.168.32.50:53 => dropped
lan   new udp 192.168.32.50:%[1]d > 198.51.100.7:53 => wan from 192.0.2.10:%[1]d
wan   new tcp 192.168.32.50:%[1]d > 192.0.2.10:443 S => dropped
guest new tcp [2001:db8:33::50]:%[1]d > [2001:db8:9::7]:80 S => wan
guest new tcp 192.168.33.50:%[1]d > 192.168.32.50:80 S => reset
wan   new udp 203.0.113.65:%[1]d > 192.0.2.10:6000 => dropped
wan   new tcp 203.0.113.65:%[1]d > 192.0.2.10:443 S => dropped
wan   new tcp [2001:db8:bad::5]:%[1]d > [2001:db8:32::11]:443 S => dropped
lan   new tcp 192.168.32.50:7 > 198.51.100.7:80 S => wan from 192.0.2.10:7
wan   reply tcp 198.51.100.7:80 > 192.0.2.10:7 SA => lan to 192.168.32.50:7
lan   reply tcp 192.168.32.50:7 > 198.51.100.7:80 A => wan from 192.0.2.10:7
wan   reply tcp 198.51.100.7:80 > 192.0.2.10:7 A => lan to 192.168.32.50:7
guest new tcp 192.168.33.50:8 > 192.168.32.11:9100 S => web1
web1  reply tcp 192.168.32.11:9100 > 192.168.33.50:8 SA => guest
guest reply tcp 192.168.33.50:8 > 192.168.32.11:9100 A => web1
web1  reply tcp 192.168.32.11:9100 > 192.168.33.50:8 A => guest
`

// TestReloadUnderLoad replaces a policy by another and back a thousand times. All the time what both forbid
// does not pass, and conversations go on; so does one that only the first policy let begin. What both allow
// to begin does, if need be when the gate is open again and its sender repeats it.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	links, hosts := flowtest.House()
	for i := range links {
		links[i].Wire, links[i].VLAN = i, 0
	}
	box, wires := newBox(t, links, "192.0.2.1", "2001:db8:1::1")
	policy := tablePolicy(t)
	policy.Flood = firewall.Rate{}
	other := policy
	other.Rules = slices.DeleteFunc(slices.Clone(policy.Rules), func(r firewall.Rule) bool { return r.Name == "print" })
	other.Forwards = slices.DeleteFunc(slices.Clone(policy.Forwards), func(f firewall.Forward) bool { return f.Name == "test" })
	tables := []firewall.Table{compile(t, policy), compile(t, other)}
	load(t, box, tables[0])
	oneCPU(t, 1)
	world, err := flowtest.NewWorld(wires, links, hosts)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(bothWays), "\n")
	var loads atomic.Int64 // that have ended; nobody waits for more than there are
	loads.Store(reloads)
	lost := probeLines(t, world, lines, 1024, &loads)

	done := make(chan error, 1)
	loads.Store(0)
	go func() {
		err := box.Do(func() error { return reloadOften(tables, &loads) })
		loads.Store(reloads)
		done <- err
	}()
	begun := func(line string) bool { return !strings.Contains(line, "%") && strings.Contains(line, " new ") }
	lines = slices.DeleteFunc(lines, begun)
	rounds := 0
	for ; ; rounds++ {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			if rounds < reloads/10 {
				t.Errorf("only %d rounds of packets during %d reloads: that proves little", rounds, reloads)
			}
			t.Logf("%d of %d packets were repeated", lost, rounds*len(lines))
			return
		default:
			lost += probeLines(t, world, lines, 1025+rounds%60_000, &loads)
		}
	}
}

// How often a packet that begins a conversation may be repeated: so many times, and while so many loads end.
// A busy machine can hold up the one load that has shut the gate for longer than the first takes.
const (
	repeats     = 1000
	repeatLoads = 20
)

// probeLines sends the packets of some lines in their order, of conversations with that port, and returns how
// many that begin one had to be repeated. loads counts the loads that have ended.
func probeLines(t *testing.T, world *flowtest.World, lines []string, port int, loads *atomic.Int64) (lost int) {
	t.Helper()
	for _, line := range lines {
		if strings.Contains(line, "%") {
			line = fmt.Sprintf(line, port)
		}
		f, err := flowtest.ParseFlow(line)
		if err != nil {
			t.Fatal(err)
		}
		refused, err := probeFlow(world, f)
		ended := loads.Load()
		for again := 0; err != nil && refused && f.State == "new"; again++ {
			if again >= repeats && loads.Load() >= min(ended+repeatLoads, reloads) {
				break
			}
			lost++
			refused, err = probeFlow(world, f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return lost
}

// probeFlow holds what comes of a flow against its fate, and reports whether it did not pass.
func probeFlow(world *flowtest.World, f flowtest.Flow) (refused bool, err error) {
	seen, err := world.Probe(f.From, f.Packet)
	if err != nil {
		return false, err
	}
	return len(seen) == 0 || flowtest.Answer(f.From, f.Packet, seen[0]) != "", f.Check(seen)
}

// reloadOften loads the tables in turn, and looks that no counter that both have goes back. loads counts
// those that have ended.
func reloadOften(tables []firewall.Table, loads *atomic.Int64) error {
	before := map[string]firewall.Count{}
	for i := range reloads {
		table := tables[(i+1)%len(tables)]
		if err := nft.Load(table); err != nil {
			return fmt.Errorf("reload %d: %w", i, err)
		}
		loads.Add(1)
		after, err := nft.Counters(table.Name)
		if err != nil {
			return err
		}
		for name, was := range before {
			if now, both := after[name]; both && now.Packets < was.Packets {
				return fmt.Errorf("reload %d: %s was %d and is %d", i, name, was.Packets, now.Packets)
			}
		}
		before = after
	}
	return nil
}
