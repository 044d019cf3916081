#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards identities: whatever a location sends upstream to say who a client is,
# by whatever variable, and whoever has looked at it before the request was
# held, the upstream sees of each member its own value, or none.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;
use MIME::Base64 qw/ encode_base64 /;

use Test::LLMBatch;
use Test::LLMBatch::JSON;

my $t = Test::LLMBatch->new('identities')
	->has('llm_batch', 'http_auth_request')->listen('tls');
my $mock = $t->backend();
my $uri = '/v1/embeddings';
my @who = qw/ alice bob /;
my %from = (alice => '127.9.9.1', bob => '127.9.9.2');

#
# What is sent; what clients differ in; and, with "shared", whether those that
# do share a call, and what is seen of each: "own" is its own value, "none"
# nothing, "one" that of one member, "call" what the call's own body makes.
# By default clients of different identities never meet.
#

my @rows = (
	[ server_port => 'address', 'together', 'own' ],
	[ server_addr => 'address', 'together', 'own' ],
	[ ssl_client_s_dn => 'certificate', 'together', 'none' ],
	[ ssl_client_fingerprint => 'certificate', 'together', 'none' ],
	[ ssl_client_verify => 'certificate', 'together', 'none' ],
	[ remote_user => 'key', 'together', 'none' ],
	[ http_authorization => 'key', 'together', 'none' ],
	[ remote_addr => 'address', 'together', 'one' ],
	[ mapped => 'key', 'apart', 'own', 'together', 'none' ],
	[ of_certificate => 'certificate', 'apart', 'own', 'together',
		'none' ],
	[ of_noise => 'noise', 'apart', 'own', 'together', 'none' ],
	[ volatile => 'key', 'together', 'none' ],
	[ set => 'key', 'apart', 'own' ],
	[ auth => 'key', 'apart', 'own' ],
	[ of_id => 'nothing', 'apart', 'any', 'together', 'any' ],
	[ of_body => 'nothing', 'together', 'call' ],
	[ of_budget => 'budget', 'together', 'none' ],
);

my %differ = (
	key => sub ($who) { (headers => { Authorization =>
		'Basic ' . encode_base64("$who:", '') }) },
	noise => sub ($who) { (headers => { 'X-Noise' => $who }) },
	budget => sub ($who) { (headers => { 'X-LLM-Latency-Budget-Ms' =>
		$who eq 'alice' ? 20000 : 30000 }) },
);

$t->certificate('ca', subject => '/CN=authority');
$t->certificate($_, subject => "/CN=$_", ca => 'ca') for @who;

my $locations = '';

for my $row (@rows) {
	my ($name, $differ) = @$row;

	for my $tenant (qw/ default shared /) {
		for my $look (qw/ before after /) {
			my $if = $look eq 'before'
				? qq!if (\$$name = "nobody") { return 403; }!
				: '';
			$if = 'llm_batch_priority $of_body;'
				if $name eq 'of_body' and $if;
			$if = 'llm_batch_latency_budget $of_budget;'
				if $name eq 'of_budget' and $if;

			$locations .= "location /$name/$tenant/$look/ { "
				. ($tenant eq 'shared'
					? 'llm_batch_tenant shared; ' : '')
				. ($name eq 'set'
					? 'set $set $http_authorization; ' : '')
				. ($name eq 'auth' ? 'auth_request /auth; '
					. 'auth_request_set $auth '
					. '$upstream_http_x_user; ' : '')
				. "$if proxy_set_header X-Value \$$name; "
				. "proxy_set_header Connection ''; "
				. "proxy_pass http://backend/; }\n";
		}
	}
}

$t->conf(<<"EOF" . $locations, http => <<'HTTP');
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_wait 20s;
llm_batch_ignore_headers X-Noise;

ssl_verify_client       optional;
ssl_client_certificate  @{[ $t->dir() ]}/ca.pem;
ssl_session_cache       off;
ssl_session_tickets     off;

location = /auth {
    llm_batch off;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://%%ADDR%%:8082/;
}
EOF
map $http_authorization $mapped { default "key of $http_authorization"; "" ""; }
map $http_authorization $volatile { volatile; default "of $http_authorization";
    "" ""; }
map $ssl_client_s_dn $of_certificate { default $ssl_client_s_dn; }
map $http_x_noise $of_noise { default $http_x_noise; }
map $request_id $of_id { default $request_id; }
map $request_body $of_body { default $request_body; }
map $http_x_llm_latency_budget_ms $of_budget {
    default $http_x_llm_latency_budget_ms;
}
server {
    listen %%ADDR%%:8082;
    location / {
        add_header X-User $http_authorization;
        return 200;
    }
}
HTTP

$t->run();

my @table = sprintf '%-24s %-28s %-28s %-28s %s', 'variable',
	map { my $tenant = $_; map { "$tenant, $_" } 'looked at', 'not' }
		qw/ default shared /;

for my $row (@rows) {
	my ($name, $differ, @want) = @$row;
	my %want = (before => [ @want[0, 1] ],
		after => [ @want == 4 ? @want[2, 3] : @want[0, 1] ]);
	my @cells;

	for my $tenant (qw/ default shared /) {
		for my $look (qw/ before after /) {
			my ($meet, $seen) = @{$want{$look}};

			# who a client is is equal in each call

			($meet, $seen) = ('apart', 'own') if $tenant eq 'default'
				and $differ =~ /^(?:key|certificate)$/;
			$seen = 'own' if $name eq 'ssl_client_verify'
				and $tenant eq 'default';

			push @cells, cell($name, $differ, $tenant, $look,
				$meet, $seen);
		}
	}

	push @table, sprintf '%-24s %-28s %-28s %-28s %s', $name, @cells;
}

diag(join "\n", '', @table) if $ENV{TEST_NGINX_VERBOSE};

$t->done();


# what the upstream got for each of "alice bob alice", behind a call of alice's

sub cell ($name, $differ, $tenant, $look, $meet, $seen) {
	my $where = "/$name/$tenant/$look";
	my $queue = sub { $t->metric('llm_batch_queue_requests') // 0 };
	my @order = qw/ alice bob alice /;
	my $i = 0;

	$mock->reset();
	$mock->script(hold => 1);

	my @open = start($where, $differ, 'alice', $i++);
	wait_for { $mock->count() == 1 };

	push @open, start($where, $differ, $_, $i++) for @order;
	wait_for { $mock->count() + $queue->() == 4 };

	$mock->script();
	$mock->release();

	my @r = map { $_->[0]->finish($_->[1]) } @open;
	my @calls = $mock->calls();
	my (%got, $mixed);

	for my $call (@calls) {
		my @texts = texts($call);
		my @in = uniq map { /^(\w+)/ } @texts;

		$mixed = 1 if @in > 1;

		for my $who (@in) {
			my $value = $call->{headers}{'x-value'} // '';

			push @{$got{$who}}, $value eq '' ? 'none'
				: what($name, $who, $value, $call);
		}
	}

	my %how = map { $_ => join('/', uniq sort { $a cmp $b } @{$got{$_}}) }
		@who;
	my $how = join ', ', map { "$_ $how{$_}" } @who;

	subtest "$where" => sub {
		is_own_answer(\@r);

		# who is alone, or among its like, is seen as it is

		my %ok = (own => qr/^own$/, none => qr!^(?:none|none/own|own)$!,
			one => qr!^(?:another's/own|another's|own)$!,
			call => qr/^call$/, any => qr/^\w+(?:\/\w+)*$/);

		is($mixed ? 'together' : 'apart', $meet, 'who with whom')
			if $differ ne 'nothing' or $name eq 'of_body';
		like($how{$_}, $ok{$seen}, "what is seen of $_") for @who;
	};

	return ($mixed ? 'merged: ' : 'apart: ')
		. join ' ', map { "$how{$_}" } @who;
}

sub start ($where, $differ, $who, $i) {
	my $client = $t->client($differ eq 'address'
		? (from => $from{$who}) : ());

	$client->{tls} = { SSL_cert_file => "$t->{dir}/$who.pem",
		SSL_key_file => "$t->{dir}/$who.key" }
		if $differ eq 'certificate';

	return [ $client, $client->start({ uri => "$where$uri",
		body => { model => 'm', input => "$who $i" },
		$differ{$differ} ? $differ{$differ}->($who) : () }) ];
}

sub texts ($call) {
	my $input = decode_json($call->{body})->{input};
	return ref $input ? @$input : $input;
}

# whose value it is

sub what ($name, $who, $value, $call) {
	my $basic = sub ($of) { encode_base64("$of:", '') };
	my %value = (
		server_port => sub ($of) { '8444' },
		server_addr => sub ($of) { $t->addr() },
		ssl_client_s_dn => sub ($of) { "CN=$of" },
		ssl_client_fingerprint => \&fingerprint,
		ssl_client_verify => sub ($of) { 'SUCCESS' },
		remote_user => sub ($of) { $of },
		http_authorization => sub ($of) { 'Basic ' . $basic->($of) },
		remote_addr => sub ($of) { $from{$of} },
		mapped => sub ($of) { 'key of Basic ' . $basic->($of) },
		of_certificate => sub ($of) { "CN=$of" },
		of_noise => sub ($of) { $of },
		volatile => sub ($of) { 'of Basic ' . $basic->($of) },
		set => sub ($of) { 'Basic ' . $basic->($of) },
		auth => sub ($of) { 'Basic ' . $basic->($of) },
		of_id => sub ($of) { $value },
		of_body => sub ($of) { '' },
		of_budget => sub ($of) { $of eq 'alice' ? 20000 : 30000 },
	);
	my ($other) = grep { $_ ne $who } @who;

	return 'call' if $name eq 'of_body' and $value eq $call->{body};
	return 'own' if $value eq $value{$name}->($who);
	return "another's" if $value eq $value{$name}->($other);
	return "wrong ($value)";
}

sub fingerprint ($who) {
	my ($hex) = `openssl x509 -noout -fingerprint -sha1 -in $t->{dir}/$who.pem`
		=~ /=(.*)/;
	return lc($hex =~ s/://gr);
}
