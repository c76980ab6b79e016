package tcpdump

import (
	"errors"
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/filter"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/pcap"
)

// A kind is a type of links: what its packets begin with, for files, for filters and for people.
type kind struct {
	number uint32
	link   filter.Link
	name   string
}

func kinds() []kind {
	return []kind{
		{pcap.Ethernet, filter.Ethernet, "EN10MB (Ethernet)"},
		{pcap.Raw, filter.Raw, "RAW (Raw IP)"},
		{12, filter.Raw, "RAW (Raw IP)"},
		{pcap.IPv4, filter.Raw, "IPV4 (Raw IPv4)"},
		{pcap.IPv6, filter.Raw, "IPV6 (Raw IPv6)"},
		{pcap.SLL, filter.SLL, "LINUX_SLL (Linux cooked v1)"},
		{pcap.SLL2, filter.SLL2, "LINUX_SLL2 (Linux cooked v2)"},
	}
}

func kindOf(number uint32) (kind, error) {
	for _, k := range kinds() {
		if k.number == number {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("packets of a link of type %d, which this tcpdump does not know", number)
}

// fromFile shows or copies what a filter chooses of a file.
func fromFile(c *command.Call, s settings) error {
	in, err := c.Open(s.from)
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := pcap.NewReader(in)
	if err != nil {
		return command.Named(s.from, err)
	}
	k, err := kindOf(r.Link)
	if err != nil {
		return command.Named(s.from, err)
	}
	f, err := filter.Compile(s.text, filter.Options{Link: k.link, Resolve: resolve(c)})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Stderr, "reading from file %s, link-type %s, snapshot length %d\n", s.from, k.name, r.Snap)
	snap := r.Snap
	if snap == 0 || snap > maxSnap {
		snap = maxSnap
	}
	to, err := openSink(c, s, k, snap)
	if err != nil {
		return err
	}
	for n := 0; err == nil && (s.count == 0 || n < s.count) && c.Err() == nil; {
		var p pcap.Packet
		if p, err = r.Read(); err == nil && f.Match(p.Data, p.Length) {
			n++
			err = to.put(p)
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, errEnough) {
		err = nil
	}
	return errors.Join(command.Named(s.from, err), to.close())
}
