package conn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/privdrop"
)

// TestMain runs this program as a service without rights, if its argument says so.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "role-dropped" {
		if err := dropped(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestDropped does everything as a service does after its start: as another user, with the
// two capabilities, and what it may call.
func TestDropped(t *testing.T) {
	n := newNetwork(t)
	n.box.AddAddr("wan0", "192.0.2.100/24")
	n.box.Run("/proc/self/exe", "role-dropped")
}

func dropped() error {
	id := privdrop.Identity{UID: 504, GID: 504, Caps: []string{"net_raw", "net_bind_service"}}
	if err := privdrop.Drop(id); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := Open("wan0", 7)
	if err != nil {
		return err
	}
	defer c.Close()
	ours, theirs := addr("192.0.2.100"), addr("192.0.2.1")
	found, err := c.Seek(ctx, Question{Target: theirs, From: ours})
	f, probed := c.Probe(ctx, addr("192.0.2.101"), theirs, 300*time.Millisecond)
	if probed == nil && f != (Finding{Gateway: found.MAC}) {
		probed = fmt.Errorf("found %+v", f)
	}
	up := errors.New("the carrier was not seen")
	carrier, seen := context.WithCancel(ctx)
	_ = WatchCarrier(carrier, "wan0", func(now bool) {
		if now {
			up = nil
		}
		seen()
	})
	return errors.Join(err, probed, up, c.Check(), c.Announce(ctx, ours, 1), c.Send(ctx, Way{}, make([]byte, 300)),
		c.Send(ctx, Way{To: theirs, From: ours}, make([]byte, 300)))
}
