// Package keep keeps the table of which machine has which IPv6 address (stations) as the kernel sees its
// neighbours, and publishes it (stationfile).
//
//	kernel ─ Entry ─ reader ──► Table ◄── Set: prefixes of the LANs
//	                              │  (mu)
//	time, wake ─► Run ── Tick ────┤
//	                ▲             └─► what is new ─► /perm/radvd/stations
//	                └── a moment later, at most once in ten seconds
//
// A new address is published within a second when nothing was for ten seconds. What only says that all is as
// it was, is written once a day: a power cut loses that, and what is not written yet. All of it is found
// again when machines speak, but for how long an address has been in use.
package keep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/neighbours"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations"
)

// Config is what a Keeper is told.
type Config struct {
	LANs []LAN
}

// A LAN is a link and the prefixes of which its hosts make addresses.
type LAN struct {
	Network  string // its name, one label
	Link     string
	Prefixes []netip.Prefix
}

// Neighbours is the kernel's table: neighbours.Table. Read ends with os.ErrClosed after Close.
type Neighbours interface {
	Read() ([]neighbours.Entry, error)
	Ask() error
	Close() error
}

// Options are what a Keeper needs besides its Config.
type Options struct {
	Log *slog.Logger
	// Events is for what hosts cause, and bounds how much that is.
	Events *slog.Logger
	// Dir is where the file is.
	Dir string
	// Uptime is CLOCK_BOOTTIME, and Wall the time of day.
	Uptime func() time.Duration
	Wall   func() time.Time
	// Open opens the kernel's table. Nil: that of package neighbours.
	Open func() (Neighbours, error)
	// Look returns the index of a link and the appliance's addresses on it. Nil: as the kernel has them.
	Look func(link string) (index int, own []netip.Addr, err error)
}

// How often.
const (
	settle     = 200 * time.Millisecond // what comes together is published together
	writeEvery = 10 * time.Second       // at most
	writeDaily = 24 * time.Hour         // at least
	tryAgain   = time.Minute            // after a failure
	askEvery   = 10 * time.Minute       // that all is told which does not change
	askAgain   = 10 * time.Second       // at most, when something was lost
	tickEvery  = time.Minute
	clockStep  = time.Minute // the time of day has been set: what was published is wrong
)

// A Keeper keeps one file.
type Keeper struct {
	o      Options
	kernel Neighbours
	wake   chan struct{}

	mu    sync.Mutex // what follows
	conf  Config
	table *stations.Table // nil until Run
	links map[int]string  // networks by the index of their link

	asked   time.Duration // when the kernel was last asked
	lost    bool          // it is to be asked again
	changed time.Duration // when something was first new
	written file
	failed  error // why it could not be written, nil if it could
}

// file is what was published last.
type file struct {
	revision uint64
	at       time.Duration // or when it was tried
	began    time.Time     // the time of day when Uptime was 0
	any      bool          // something was
}

// Open begins to hear of neighbours, in the network namespace of the calling thread.
func Open(conf Config, o Options) (*Keeper, error) {
	if o.Open == nil {
		o.Open = openKernel
	}
	if o.Look == nil {
		o.Look = lookAt
	}
	kernel, err := o.Open()
	if err != nil {
		return nil, err
	}
	return &Keeper{o: o, kernel: kernel, conf: conf, wake: make(chan struct{}, 1)}, nil
}

func openKernel() (Neighbours, error) {
	t, err := neighbours.Open()
	if err != nil { // not the nil *Table, which is no nil Neighbours
		return nil, err
	}
	return t, nil
}

// lookAt is how the kernel has a link.
func lookAt(link string) (index int, own []netip.Addr, err error) {
	i, err := net.InterfaceByName(link)
	if err != nil {
		return 0, nil, err
	}
	all, err := i.Addrs()
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr())
		}
	}
	return i.Index, own, err
}

// Close ends a Keeper that does not Run.
func (k *Keeper) Close() error { return k.kernel.Close() }

// Set has other LANs and prefixes hold. It is also to be called when links have come, or addresses of the
// appliance.
func (k *Keeper) Set(conf Config) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conf = conf
	if k.table != nil {
		k.table.Reconfigure(k.look())
		k.lost = true // what was seen of another prefix was passed over
		k.hurry()
	}
}

// look finds the links of the LANs. One that is not there has no neighbours.
func (k *Keeper) look() (conf stations.Config) {
	k.links = map[int]string{}
	for _, l := range k.conf.LANs {
		lan := stations.LAN{Network: l.Network, Prefixes: l.Prefixes}
		index, own, err := k.o.Look(l.Link)
		if err == nil {
			k.links[index], lan.Own = l.Network, own
		}
		conf.LANs = append(conf.LANs, lan)
	}
	return conf
}

// hurry has Run look at what is due.
func (k *Keeper) hurry() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run keeps the file until ctx ends. It may be called once.
func (k *Keeper) Run(ctx context.Context) {
	k.start()
	var reading sync.WaitGroup
	reading.Go(func() { k.read(ctx) })
	defer reading.Wait()
	defer k.kernel.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			k.mu.Lock()
			defer k.mu.Unlock()
			if now := k.o.Uptime(); k.written.any || k.due(now) {
				k.publish(now)
			}
			return
		case <-k.wake:
		case <-timer.C:
		}
		timer.Reset(k.tick())
	}
}

// start begins with what was published before.
func (k *Keeper) start() {
	known, err := stationfile.Read(k.o.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.o.Log.Error("which host has which IPv6 address is learned anew", "cause", err)
	}
	now, wall := k.o.Uptime(), k.o.Wall()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.table = stations.New(k.look(), fromFile(known, now, wall))
	k.table.Tick(now)
	k.asked = now - askEvery
	if !errors.Is(err, fs.ErrNotExist) {
		k.written.revision = unknown // prefixes may have come and gone since
	}
}

// unknown is the revision of a file that another process has written.
const unknown = math.MaxUint64

// read takes what the kernel tells, until it is closed.
func (k *Keeper) read(ctx context.Context) {
	for {
		all, err := k.kernel.Read()
		if errors.Is(err, os.ErrClosed) {
			return
		}
		k.observe(all)
		if err == nil {
			continue
		}
		k.mu.Lock()
		k.lost = true
		k.mu.Unlock()
		k.hurry()
		if !errors.Is(err, neighbours.ErrLost) {
			k.o.Log.Error("hearing of neighbours", "cause", err)
			select {
			case <-time.After(tryAgain):
			case <-ctx.Done():
			}
		}
	}
}

func (k *Keeper) observe(all []neighbours.Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, before := k.o.Uptime(), k.table.Revision()
	for _, e := range all {
		if network, ok := k.links[e.Link]; ok {
			k.table.Observe(now, stations.Observation{Network: network, MAC: e.MAC, Addr: e.Addr,
				Confirmed: e.Confirmed})
		}
	}
	for _, c := range k.table.News() {
		k.o.Events.Warn("another card answers for an address", "addr", c.Addr, "network", c.Network, "mac",
			c.MAC.String(), "holder", c.Holder.String(), "made_of_it", c.Made)
	}
	if k.table.Revision() != before {
		k.hurry()
	}
}

// tick does what is due, and returns how long there is nothing.
func (k *Keeper) tick() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.o.Uptime()
	k.table.Tick(now)
	pause := tickEvery
	wait := askEvery
	if k.lost {
		wait = askAgain
	}
	if left := k.asked + wait - now; left > 0 {
		pause = min(pause, left)
	} else {
		k.ask(now)
	}
	return min(pause, k.write(now))
}

// ask has the kernel tell all there is.
func (k *Keeper) ask(now time.Duration) {
	k.asked, k.lost = now, false
	k.table.Reconfigure(k.look())
	if err := k.kernel.Ask(); err != nil {
		k.o.Log.Error("asking for neighbours", "cause", err)
	}
}

// write publishes what is new, if it is time, and returns when it is.
func (k *Keeper) write(now time.Duration) time.Duration {
	if !k.due(now) {
		k.changed = 0
		return tickEvery
	}
	if k.changed == 0 {
		k.changed = now
	}
	at := k.changed + settle
	if k.written.any {
		at = max(at, k.written.at+writeEvery)
	}
	if k.failed != nil {
		at = max(at, k.written.at+tryAgain)
	}
	if at > now {
		return at - now
	}
	k.publish(now)
	return tickEvery
}

// due reports whether the file is not what it should be.
func (k *Keeper) due(now time.Duration) bool {
	w := &k.written
	return k.failed != nil || k.table.Revision() != w.revision ||
		w.any && now-w.at >= writeDaily || w.any && k.began(now).Sub(w.began).Abs() >= clockStep
}

// began is the time of day when Uptime was 0.
func (k *Keeper) began(now time.Duration) time.Time { return k.o.Wall().Add(-now) }

// publish writes the file.
func (k *Keeper) publish(now time.Duration) {
	err := stationfile.Write(k.o.Dir, toFile(k.table.List(), k.began(now)))
	if err != nil && k.failed == nil {
		k.o.Log.Error("which host has which IPv6 address cannot be stored", "cause", err)
	}
	k.failed, k.changed = err, 0
	k.written = file{revision: k.table.Revision(), at: now, began: k.began(now), any: true}
}

// maxAway is for how long the machine may have been off by a time of day that is believed at the start.
const maxAway = 90 * 24 * time.Hour

// fromFile has times of a file on the clock of the table. By a time of day before the last of them, or so
// long after it that nobody believes it, no time has passed since: a wrong clock forgets no host.
func fromFile(known []stationfile.Station, now time.Duration, wall time.Time) []stations.Station {
	var all []stations.Station
	var latest time.Time
	for _, s := range known {
		if s.Last.After(latest) {
			latest = s.Last
		}
	}
	if away := wall.Sub(latest); away < 0 || away > maxAway {
		wall = latest
	}
	for _, s := range known {
		last := now - wall.Sub(s.Last)
		all = append(all, stations.Station{
			Addr: s.Addr, MAC: s.MAC, Network: s.Network, Kind: s.Kind,
			First: min(last, now-max(0, wall.Sub(s.First))), Last: last, Used: s.Used,
		})
	}
	return all
}

func toFile(all []stations.Station, began time.Time) []stationfile.Station {
	list := make([]stationfile.Station, 0, len(all))
	for _, s := range all {
		list = append(list, stationfile.Station{
			Current: s.Current, Kind: s.Kind, Addr: s.Addr, MAC: s.MAC, Network: s.Network,
			First: began.Add(s.First), Last: began.Add(s.Last), Used: s.Used,
		})
	}
	return list
}

// Stations returns what is known now, in the words of the file.
func (k *Keeper) Stations() []stationfile.Station {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == nil {
		return nil
	}
	return toFile(k.table.List(), k.began(k.o.Uptime()))
}

// Hosts returns an address of each of the machines of a LAN that were seen last, as stations.Table does.
func (k *Keeper) Hosts(network string, most int) []netip.Addr {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == nil {
		return nil
	}
	return k.table.Hosts(network, most)
}

// Problems returns what a person should look at, one sentence each.
func (k *Keeper) Problems() (all []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failed != nil {
		all = append(all, fmt.Sprintf("Which host has which IPv6 address cannot be stored, so names do not follow: %v", k.failed))
	}
	if k.table != nil {
		all = append(all, k.table.Problems(k.o.Uptime())...)
	}
	return all
}
