#!/bin/sh -e
# The iSCSI target of web2. Made from the site of firewall.home.example by: gatehouse host web2 --target=tgt
# To be run as root on 192.168.32.10, with the disk, a file or a block device, as its argument.
disk=${1:?expected the disk}
tid=$(tgtadm --lld iscsi --op show --mode target | sed -n 's/^Target \([0-9]*\):.*/\1/p' | sort -n | tail -n 1)
tid=$((${tid:-0} + 1))
tgtadm --lld iscsi --op new --mode target --tid $tid --targetname iqn.2011-03.example.home:web2.root
tgtadm --lld iscsi --op new --mode logicalunit --tid $tid --lun 1 --backing-store "$disk"
tgtadm --lld iscsi --op bind --mode target --tid $tid --initiator-name iqn.2011-03.example.home:web2
