package admin

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nflog"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// A LoggedPacket is one line of `gatehouse firewall log --json`.
type LoggedPacket struct {
	nflog.Line
	// "allow", "deny", or "" if the rule is not loaded any more
	Action string `json:"action"`
	// the line of the site that the rule comes from
	Origin          string `json:"origin,omitempty"`
	InZone          string `json:"in_zone,omitempty"`          // "" if the appliance itself sent it
	OutZone         string `json:"out_zone,omitempty"`         // firewall.Box if it was for the appliance
	SourceName      string `json:"source_name,omitempty"`      // of the host
	DestinationName string `json:"destination_name,omitempty"` //
	CardName        string `json:"card_name,omitempty"`        // of the host that MAC is a card of
}

// logFirewall prints the last packets that rules have logged, of all or of those that have to do with a word,
// and with -f those that follow, until it is interrupted.
func logFirewall(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("firewall log", flag.ContinueOnError)
	follow := flags.Bool("f", false, "")
	lines := flags.Int("n", defaultLogLines, "")
	asJSON := flags.Bool("json", false, "")
	words, err := cli.Options(flags, args, 1)
	if err != nil {
		return err
	}
	d, err := env.directory(ctx)
	if err != nil {
		return err
	}
	var last []LoggedPacket
	seq := uint64(0)
	err = readPackets(ctx, env, nflog.LogArgs{}, func(l nflog.Line) error {
		seq = l.Seq
		if p := d.named(l); len(words) == 0 || p.about(words[0]) {
			last = append(last, p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range last[max(0, len(last)-max(0, *lines)):] {
		if err := p.print(env, d, *asJSON); err != nil {
			return err
		}
	}
	if !*follow {
		if len(last) == 0 && !*asJSON {
			fmt.Fprintln(env.Stdout, nothingLogged(words))
		}
		return nil
	}
	err = readPackets(ctx, env, nflog.LogArgs{After: seq, Follow: true}, func(l nflog.Line) error {
		if p := d.named(l); len(words) == 0 || p.about(words[0]) {
			return p.print(env, d, *asJSON)
		}
		return nil
	})
	if errors.Is(err, context.Canceled) {
		return nil // Ctrl-C ends a log that is followed
	}
	return err
}

// nothingLogged says that there is nothing to be shown, of all or about a word.
func nothingLogged(words []string) string {
	if len(words) == 0 {
		return "no rule has dropped or logged a packet"
	}
	return fmt.Sprintf("no packet that a rule has dropped or logged has to do with %s",
		printable.Cut(words[0], maxShownWord))
}

// maxShownWord is how much of a word of a command line is repeated, in characters.
const maxShownWord = 64

// readPackets calls each with what the service has.
func readPackets(ctx context.Context, env Env, args nflog.LogArgs, each func(nflog.Line) error) error {
	return env.list(ctx, roster.NFLog, "log", args, args.Follow, func(raw json.RawMessage) error {
		var l nflog.Line
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		return each(l)
	})
}

// named says what a logged packet is by the names that people know.
func (d directory) named(l nflog.Line) LoggedPacket {
	p := LoggedPacket{Line: l, SourceName: d.hosts[l.Source], DestinationName: d.hosts[l.Destination],
		CardName: d.cards[l.MAC]}
	if r, ok := d.rules[l.Rule]; ok {
		p.Action, p.Origin = string(r.action), r.origin
	} else if slices.Contains(firewall.DropReasons(), l.Rule) {
		p.Action = string(firewall.Deny)
	}
	if z := d.zone(l.In, l.Source); z != nil {
		p.InZone = z.Name
	}
	if z := d.zone(l.Out, l.Destination); z != nil {
		p.OutZone = z.Name
	} else if l.Out == "" && !l.Early {
		p.OutZone = firewall.Box
	}
	return p
}

// about reports whether a packet has to do with the name of a rule, zone, interface or host, or with an
// address.
func (p LoggedPacket) about(word string) bool {
	return slices.Contains([]string{p.Rule, p.InZone, p.OutZone, p.In, p.Out, p.SourceName, p.DestinationName,
		p.CardName, p.Source.String(), p.Destination.String(), p.MAC}, word)
}

func (p LoggedPacket) print(env Env, d directory, asJSON bool) error {
	if asJSON {
		return cli.JSONLine(env.Stdout, p)
	}
	out := printable.Writer(env.Stdout)
	if p.Lost > 0 {
		fmt.Fprintf(out, "… %d packets were logged here that the kernel could not hand over\n", p.Lost)
	}
	if p.Missing {
		fmt.Fprintln(out, "… packets are missing here: too many came at once")
	}
	_, err := fmt.Fprintln(out, p.text(d))
	return err
}

// text is the packet in one line.
func (p LoggedPacket) text(d directory) string {
	rule := p.Rule
	if p.Origin != "" {
		rule += " (" + p.Origin + ")"
	}
	words := []string{p.Time.UTC().Format("2006-01-02 15:04:05.000"), fmt.Sprintf("%-5s", p.Action), rule,
		p.way()}
	if !p.Source.IsValid() {
		return strings.Join(append(words, fmt.Sprintf("%d bytes that are no IP packet", p.Length)), " ")
	}
	proto := protoName(p.Proto)
	if p.ARP != "" {
		proto = "arp " + p.ARP
	}
	words = append(words, proto, d.endpoint(netip.AddrPortFrom(p.Source, p.SourcePort)), "→",
		d.endpoint(netip.AddrPortFrom(p.Destination, p.DestinationPort)))
	words = append(words, p.details()...)
	if p.MAC != "" && (p.ARP != "" || p.SourceName == "" && !d.outside(p.InZone)) {
		words = append(words, "from card "+p.MAC)
		if p.CardName != "" {
			words = append(words, "of "+p.CardName)
		}
		if p.Names != "" && p.Names != p.MAC {
			words = append(words, "that says it is "+p.Names)
		}
	}
	return strings.Join(words, " ")
}

// way is where the packet came by and was to go: "eth0(wan)→eth1(lan)", "eth0(wan)→box", "box→eth0(wan)".
func (p LoggedPacket) way() string {
	side := func(link, zone string) string {
		if zone == "" || link == "" {
			return link + zone
		}
		return link + "(" + zone + ")"
	}
	from, to := side(p.In, p.InZone), side(p.Out, p.OutZone)
	if from == "" {
		from = firewall.Box
	}
	if p.Early {
		return from
	}
	return from + "→" + to
}

// details are what else is worth knowing of a packet.
func (p LoggedPacket) details() []string {
	var words []string
	switch {
	case p.Flags != "":
		words = append(words, p.Flags)
	case p.Transport && isICMP(p.Proto):
		words = append(words, icmpName(p.Proto, p.Type, p.Code))
	}
	if p.Fragment {
		words = append(words, "fragment")
	}
	return words
}

// outside reports whether strangers are in a zone.
func (d directory) outside(zone string) bool {
	return slices.ContainsFunc(d.zones, func(z firewall.Zone) bool { return z.Name == zone && z.Outside })
}
