package ip

import "fmt"

// A counter is a number with its head in the text and its key in JSON; of the two, one may be empty.
type counter struct {
	head, key string
	value     uint64
}

// A counterLine is one line of counters, six columns at most; of errors the first is empty.
type counterLine struct {
	lead     string
	counters []counter
}

// counterLines are those of l: with one -s two, with two what is counted of errors too.
func (r *request) counterLines(l link) []counterLine {
	s := l.Statistics
	rx := []counterLine{{"RX:", []counter{{"bytes", "bytes", s.RxBytes}, {"packets", "packets", s.RxPackets},
		{"errors", "errors", s.RxErrors},
		{"dropped", "dropped", s.RxDropped}, {"missed", "", s.RxMissedErrors},
		{"mcast", "multicast", s.Multicast},
		{"", "over_errors", s.RxOverErrors}}}}
	tx := []counterLine{{"TX:", []counter{{"bytes", "bytes", s.TxBytes}, {"packets", "packets", s.TxPackets},
		{"errors", "errors", s.TxErrors},
		{"dropped", "dropped", s.TxDropped}, {"carrier", "carrier_errors", s.TxCarrierErrors}, {"collsns",
			"collisions", s.Collisions}}}}
	if r.stats > 1 {
		rx = append(rx, counterLine{"RX errors:", []counter{{}, {"length", "length_errors", s.RxLengthErrors},
			{"crc", "crc_errors", s.RxCrcErrors},
			{"frame", "frame_errors", s.RxFrameErrors}, {"fifo", "fifo_errors", s.RxFifoErrors}, {"overrun", "",
				s.RxOverErrors},
			{"", "missed_errors", s.RxMissedErrors}}})
		tx = append(tx, counterLine{"TX errors:", []counter{
			{}, {"aborted", "aborted_errors", s.TxAbortedErrors},
			{"fifo", "fifo_errors", s.TxFifoErrors}, {"window", "window_errors", s.TxWindowErrors},
			{"heartbt", "heartbeat_errors", s.TxHeartbeatErrors}, {"transns", "carrier_changes",
				l.number(iflaCarrierChanges)}}})
	}
	return append(rx, tx...)
}

// sayCounters says the counters of l when -s asks for them.
func (r *request) sayCounters(p *record, l link) {
	if r.stats == 0 || l.Statistics == nil {
		return
	}
	lines := r.counterLines(l)
	var rx, tx members
	widths := []int{len("RX errors:"), 7, 6, 7, 7, 7}
	for _, line := range lines {
		for i, c := range line.counters {
			if c.head != "" {
				widths[i] = max(widths[i], len(fmt.Sprint(c.value)))
			}
			switch {
			case c.key != "" && line.lead[0] == 'R':
				rx = append(rx, member{c.key, c.value})
			case c.key != "":
				tx = append(tx, member{c.key, c.value})
			}
		}
	}
	p.set("stats64", members{{"rx", rx}, {"tx", tx}})
	for _, line := range lines {
		line.print(p, widths)
	}
}

// print writes heads and numbers.
func (l counterLine) print(p *record, widths []int) {
	p.printf("    %s%*s", l.lead, widths[0]-len(l.lead), l.counters[0].head)
	for i, width := range widths[1:] {
		p.printf(" %*s", width, l.counters[i+1].head)
	}
	if l.counters[0].head != "" {
		p.printf("%11s", "") // where iproute2 has what is compressed
	}
	p.printf("\n    ")
	for i, width := range widths {
		if l.counters[i].head == "" {
			p.printf("%*s ", width, "")
		} else {
			p.printf("%*d ", width, l.counters[i].value)
		}
	}
	p.printf("\n")
}
