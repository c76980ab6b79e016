package main

import (
	"testing"
	"time"
)

// sample is what perfdhcp 2.2 prints, shortened.
const sample = `Running: perfdhcp -4 -l c0 -r 500 -R 2000 -p 2 -W 1 10.0.0.1
Scenario: basic.
***Rate statistics***
Rate: 499.197 4-way exchanges/second, expected rate: 500

***Malformed Packets***
Malformed packets: 0
***Statistics for: DISCOVER-OFFER***
sent packets: 999
received packets: 979
drops: 20
drops ratio: 2.002 %
min delay: 0.054 ms
avg delay: 0.180 ms
max delay: 10.350 ms

***Statistics for: REQUEST-ACK***
sent packets: 501
received packets: 496
drops: 0
drops ratio: 0.000 %
min delay: 0.189 ms
avg delay: 0.509 ms
max delay: 12.108 ms
std deviation: 0.626 ms
`

func TestParseReport(t *testing.T) {
	want := report{leases: 496, lost: 0.01}
	if got, err := parseReport(sample, 5); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	want.lost = 0
	if got, err := parseReport(sample, 25); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "perfdhcp: no such link", "***Statistics for: REQUEST-ACK***\ndrops: n/a\n"} {
		if got, err := parseReport(bad, 0); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func TestParseAvalanche(t *testing.T) {
	got, err := parseAvalanche("std deviation: 1\n\nIt took 00:01:02.026737 to provision 1000 clients. \nRequests resent: 425\n")
	if want := 62*time.Second + 26737*time.Microsecond; err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	if _, err := parseAvalanche("Killed"); err == nil {
		t.Error("nothing was read as a time")
	}
}

func TestParseMissed(t *testing.T) {
	const snmp = "Ip: Forwarding InErrors\nIp: 1 7\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 100 0 30 99 29 0\n"
	if n, err := parseMissed(snmp); err != nil || n != 29 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := parseMissed("Udp: InDatagrams\nUdp: 1\n"); err == nil {
		t.Error("nothing was read as a number")
	}
}
