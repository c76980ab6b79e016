package admin

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const (
	defaultTop = 10

	// maxTalkers bounds how many hosts are told apart; all further ones are one.
	maxTalkers = 16384
)

// Top is what `gatehouse firewall top --json` prints: who has sent how much in the conversations that there
// are now.
type Top struct {
	conntrack.Limits
	Hosts  []Talker   `json:"hosts"`            // of our zones, and the appliance
	Others *Talker    `json:"others,omitempty"` // all for whom there was no room
	Talks  []TalkInfo `json:"conversations"`    // the biggest
	Shares *Shares    `json:"shares,omitempty"` // nil: init does not say
}

// A Talker is a host of ours.
type Talker struct {
	Addr     netip.Addr     `json:"address,omitzero"`
	Name     string         `json:"name,omitempty"`
	Zone     string         `json:"zone,omitempty"`
	Flows    int            `json:"flows"`
	Sent     firewall.Count `json:"sent"`
	Received firewall.Count `json:"received"`
}

// TalkInfo is one conversation.
type TalkInfo struct {
	Proto       string         `json:"proto"`
	Source      netip.AddrPort `json:"source"`
	Destination netip.AddrPort `json:"destination"` // who answers
	// the address by which the source knows it, if it is another
	By netip.AddrPort `json:"by,omitzero"`
	// the address that the source has for the destination, if it is another
	Leaves        netip.AddrPort `json:"leaves,omitzero"`
	SourceName    string         `json:"source_name,omitempty"`
	AnswererName  string         `json:"destination_name,omitempty"`
	Sent          firewall.Count `json:"sent"` // by the source
	Received      firewall.Count `json:"received"`
	bytesTogether uint64
}

// topFirewall prints who talks most.
func topFirewall(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("firewall top", flag.ContinueOnError)
	n := flags.Int("n", defaultTop, "")
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	d, err := env.directory(ctx)
	if err != nil {
		return err
	}
	limits, err := env.Kernel.Limits()
	if err != nil {
		return err
	}
	talk := newTalk(d, max(0, *n))
	if err := env.Kernel.Flows(talk.add); err != nil {
		return err
	}
	top := talk.top(limits)
	if top.Shares = env.shares(ctx); top.Shares != nil {
		top.Shares.name(d)
	}
	if *asJSON {
		return cli.JSON(env.Stdout, top)
	}
	return top.print(printable.Writer(env.Stdout), d)
}

// A talk sums up conversations as they come. Its size does not grow with their number.
type talk struct {
	directory
	most    int
	hosts   map[netip.Addr]*Talker
	others  Talker
	biggest []TalkInfo // at most twice most
}

func newTalk(d directory, most int) *talk {
	return &talk{directory: d, most: most, hosts: map[netip.Addr]*Talker{}}
}

// add counts one conversation. The answerer is who really answers, behind a forward too.
func (t *talk) add(f conntrack.Flow) {
	if f.Source.Addr().IsLoopback() {
		return
	}
	t.count(f.Source.Addr(), f.Sent, f.Received)
	t.count(f.ReplySource.Addr(), f.Received, f.Sent)
	info := TalkInfo{Proto: protoName(f.Proto), Source: f.Source, Destination: f.ReplySource,
		SourceName: t.directory.hosts[f.Source.Addr()], AnswererName: t.directory.hosts[f.ReplySource.Addr()],
		Sent: f.Sent, Received: f.Received, bytesTogether: f.Sent.Bytes + f.Received.Bytes}
	if f.Destination != f.ReplySource {
		info.By = f.Destination
	}
	if f.Source != f.ReplyDestination {
		info.Leaves = f.ReplyDestination
	}
	t.biggest = append(t.biggest, info)
	if len(t.biggest) > 2*t.most {
		t.shorten()
	}
}

// shorten keeps the biggest conversations.
func (t *talk) shorten() {
	slices.SortStableFunc(t.biggest, func(a, b TalkInfo) int {
		return cmp.Compare(b.bytesTogether, a.bytesTogether)
	})
	t.biggest = t.biggest[:min(len(t.biggest), t.most)]
}

// count adds to a host of ours. Strangers are not told apart: anybody could fill the memory by their number.
func (t *talk) count(a netip.Addr, sent, received firewall.Count) {
	h := t.hosts[a]
	if h == nil {
		name, zone := t.directory.hosts[a], firewall.Box
		if name != firewall.Box {
			z := t.home(a)
			if z == nil || z.Outside {
				return
			}
			zone = z.Name
		}
		h = &t.others
		if len(t.hosts) < maxTalkers {
			h = &Talker{Addr: a, Name: name, Zone: zone}
			t.hosts[a] = h
		}
	}
	h.Flows++
	h.Sent.Packets += sent.Packets
	h.Sent.Bytes += sent.Bytes
	h.Received.Packets += received.Packets
	h.Received.Bytes += received.Bytes
}

func (t *talk) top(limits conntrack.Limits) Top {
	t.shorten()
	top := Top{Limits: limits, Hosts: []Talker{}, Talks: append([]TalkInfo{}, t.biggest...)}
	for _, h := range t.hosts {
		top.Hosts = append(top.Hosts, *h)
	}
	slices.SortFunc(top.Hosts, func(a, b Talker) int {
		return cmp.Or(cmp.Compare(b.Sent.Bytes+b.Received.Bytes, a.Sent.Bytes+a.Received.Bytes),
			a.Addr.Compare(b.Addr))
	})
	top.Hosts = top.Hosts[:min(len(top.Hosts), t.most)]
	if t.others.Flows > 0 {
		top.Others = &t.others
	}
	return top
}

func (top Top) print(w io.Writer, d directory) error {
	fmt.Fprintf(w, "%d conversations, at most %d", top.Flows, top.Max)
	if s := top.Shares; s != nil && s.Share > 0 {
		fmt.Fprintf(w, ", of one source at most %d", s.Share)
	}
	fmt.Fprintln(w)
	top.Shares.print(w)
	if !top.Counted {
		fmt.Fprintln(w, "The kernel does not count bytes: net.netfilter.nf_conntrack_acct is 0.")
	}
	if len(top.Hosts) > 0 {
		rows := [][]string{{"HOST", "ZONE", "CONVERSATIONS", "SENT", "RECEIVED"}}
		for _, h := range top.Hosts {
			rows = append(rows, h.row(d.endpoint(netip.AddrPortFrom(h.Addr, 0))))
		}
		if top.Others != nil {
			rows = append(rows, top.Others.row("all others"))
		}
		fmt.Fprintln(w)
		if err := cli.Rows(w, rows); err != nil {
			return err
		}
	}
	if len(top.Talks) == 0 {
		return nil
	}
	rows := [][]string{{"CONVERSATION", "", "SENT", "RECEIVED"}}
	for _, c := range top.Talks {
		to := "→ " + d.endpoint(c.Destination)
		if c.By.IsValid() {
			to += " by " + endpointText(c.By)
		}
		rows = append(rows, []string{fmt.Sprintf("%-4s ", c.Proto) + d.endpoint(c.Source), to,
			bytesText(c.Sent.Bytes), bytesText(c.Received.Bytes)})
	}
	fmt.Fprintln(w)
	return cli.Rows(w, rows)
}

func (h Talker) row(name string) []string {
	return []string{name, h.Zone, fmt.Sprint(h.Flows), bytesText(h.Sent.Bytes), bytesText(h.Received.Bytes)}
}

// bytesText writes a number of bytes with three digits.
func bytesText(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n), "kMGTPE"
	for value /= 1000; value >= 999.5 && len(units) > 1; value /= 1000 {
		units = units[1:]
	}
	digits := 2
	if value >= 99.95 {
		digits = 0
	} else if value >= 9.995 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %cB", digits, value, units[0])
}
