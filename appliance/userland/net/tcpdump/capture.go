package tcpdump

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/net/bpf"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/filter"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/pcap"
)

// listLinks prints the links as -D does.
func listLinks(c *command.Call) {
	links, err := net.Interfaces()
	if err != nil {
		c.Fail(err)
		return
	}
	for i, l := range links {
		state := ""
		if l.Flags&net.FlagUp != 0 {
			state = " [Up]"
		}
		fmt.Fprintf(c.Stdout, "%d.%s%s\n", i+1, l.Name, state)
	}
	fmt.Fprintf(c.Stdout, "%d.any (all links) [Up]\n", len(links)+1)
}

// A target is what a socket listens to.
type target struct {
	index   int // 0: all links
	kind    kind
	netmask netip.Prefix
}

// targetOf finds a link by its name.
func targetOf(name string) (target, error) {
	if name == "any" {
		k, err := kindOf(pcap.SLL2)
		return target{kind: k}, err
	}
	l, err := net.InterfaceByName(name)
	if err != nil {
		return target{}, fmt.Errorf("%s: there is no such link", name)
	}
	number, err := linkType(name)
	if err != nil {
		return target{}, fmt.Errorf("%s: %w", name, err)
	}
	t := target{index: l.Index}
	addrs, _ := l.Addrs() // without, "ip broadcast" is refused
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			t.netmask = p
			break
		}
	}
	t.kind, err = kindOf(number)
	return t, err
}

// filters are the one for the socket, and the one for what it receives, nil where the socket's is enough.
func filters(c *command.Call, s settings, t target) (program []bpf.Instruction, f *filter.Filter, err error) {
	o := filter.Options{Link: t.kind.link, Netmask: t.netmask, Resolve: resolve(c), Socket: true}
	kernel, err := filter.Compile(s.text, o)
	if err != nil || !kernel.Tags {
		if err == nil {
			program = kernel.Instructions()
		}
		return program, nil, err
	}
	o.Socket = false
	f, err = filter.Compile(s.text, o)
	return nil, f, err
}

// fromLink shows or writes what a filter chooses of what passes a link, until it is told to end.
func fromLink(c *command.Call, s settings) error {
	t, err := targetOf(s.link)
	if err != nil {
		return err
	}
	program, f, err := filters(c, s, t)
	if err != nil {
		return err
	}
	socket, err := open(t, program, s.promiscuous)
	if err != nil {
		return fmt.Errorf("%s: %w", s.link, err)
	}
	defer socket.close()
	defer context.AfterFunc(c.Context, socket.end)()
	to, err := openSink(c, s, t.kind, uint32(s.snap))
	if err != nil {
		return err
	}
	if s.into == "" && s.show.Verbose == 0 {
		fmt.Fprintf(c.Stderr, "%s: verbose output suppressed, use -v[v]... for full protocol decode\n",
			c.Name)
	}
	fmt.Fprintf(c.Stderr, "%slistening on %s, link-type %s, snapshot length %d bytes\n",
		strings.Repeat(c.Name+": ", min(len(s.into), 1)), s.link, t.kind.name, s.snap)
	n := 0
	for err == nil && (s.count == 0 || n < s.count) {
		var p pcap.Packet
		if p, err = socket.read(s.snap); err == nil && p.Data != nil &&
			(f == nil || f.Match(p.Data, p.Length)) {
			n++
			err = to.put(p)
		}
	}
	if errors.Is(err, errEnough) {
		n--
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errEnough) {
		err = nil
	}
	err = errors.Join(err, to.close(), c.Stdout.Flush())
	received, dropped := socket.counts()
	fmt.Fprintf(c.Stderr, "%s captured\n%s received by filter\n%s dropped by kernel\n", packets(n),
		packets(received), packets(dropped))
	return err
}

func packets(n int) string {
	if n == 1 {
		return "1 packet"
	}
	return fmt.Sprintf("%d packets", n)
}
