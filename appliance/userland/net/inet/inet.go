// Package inet has ping, as busybox's is, and hostname, which may ask the network for the full name. They
// change nothing on the machine. RoundTrip is what a program asks that wants a figure and no text.
package inet

import "github.com/gatehouse-os/gatehouse/appliance/userland/command"

// Commands are those of this room.
func Commands() map[string]command.Command {
	const letters = "46Aqnvc:i:I:p:s:t:w:W:"
	return map[string]command.Command{
		"hostname": {Usage: "[-d | -f | -i | -s]", Help: hostnameHelp, Letters: "sfid", Run: hostname},
		"ping":     {Usage: pingUsage, Help: pingHelp, Letters: letters, Run: ping("ip")},
		"ping6":    {Usage: pingUsage, Help: pingHelp, Letters: letters, Run: ping("ip6")},
	}
}
