package lookup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// maxTransfer is how much of a zone is read, and how long.
const (
	maxTransfer     = 1 << 30
	maxTransferTime = time.Hour
)

// A transfer is a zone as it comes.
type transfer struct {
	records, messages, size int
	took                    time.Duration
	rcode                   int
}

// errRefused is a server that does not give its zone away.
var errRefused = errors.New("transfer refused")

// receive asks a server for a zone and hands over its records, the SOA at the end too.
func receive(ctx context.Context, question *dns.Msg, to server, timeout time.Duration,
	each func(dns.RR)) (t transfer, err error) {
	conn, err := dial(ctx, to, true, timeout)
	if err != nil {
		return t, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	began := time.Now()
	if err := conn.WriteMsg(question); err != nil {
		return t, err
	}
	for soas := 0; soas < 2; {
		if err := conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
			return t, err
		}
		octets, err := conn.ReadMsgHeader(nil)
		if err != nil {
			return t, err
		}
		m := new(dns.Msg)
		if err := m.Unpack(octets); err != nil {
			return t, fmt.Errorf("%w: %w", errBadPacket, err)
		}
		t.messages, t.size, t.took = t.messages+1, t.size+len(octets), time.Since(began)
		if t.rcode = m.Rcode; m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 || m.Id != question.Id {
			return t, errRefused
		}
		if t.size > maxTransfer || t.took > maxTransferTime {
			return t, errors.New("the zone is too large")
		}
		for _, rr := range m.Answer {
			if soa := rr.Header().Rrtype == dns.TypeSOA; soa {
				soas++
			} else if soas == 0 {
				return t, errRefused
			}
			t.records++
			each(rr)
		}
	}
	return t, nil
}

// transfer prints a zone.
func (d *digger) transfer(q query) {
	for _, to := range q.servers {
		question, _ := q.message()
		question.RecursionDesired = false
		soas := 0
		var t transfer
		err := error(nil)
		for tries := q.tries; tries > 0 && d.Err() == nil; tries-- {
			t, err = receive(d.Context, question, to, q.timeout, func(rr dns.RR) {
				d.greet()
				if rr.Header().Rrtype == dns.TypeSOA {
					soas++
				}
				if soas < 2 || !q.onesoa {
					fmt.Fprintln(d.Stdout, d.zoneRecord(q, rr))
				}
			})
			if err == nil || t.messages > 0 {
				break
			}
			d.complain(q, to, true, err)
		}
		switch {
		case errors.Is(err, errRefused):
			d.greet()
			fmt.Fprintln(d.Stdout, "; Transfer failed.")
		case err != nil && t.messages > 0: // half a zone
			fmt.Fprintf(d.Stdout, ";; the transfer broke off: %s\n; Transfer failed.\n",
				printableName(why(err)))
			d.Exit(digSilence)
		case err != nil:
			continue
		case q.stats:
			d.statistics(reply{took: t.took, tcp: true, from: to})
			fmt.Fprintf(d.Stdout, ";; XFR size: %d records (messages %d, bytes %d)\n\n", t.records,
				t.messages, t.size)
		}
		return
	}
	d.silence()
}

// zoneRecord is a record of a zone, all of which are shown or, with +short, what they say.
func (d *digger) zoneRecord(q query, rr dns.RR) string {
	if d.short {
		return rdata(rr, q.split)
	}
	return q.record(rr)
}
