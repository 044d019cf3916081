#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what is read of conversations, which pass through: format, operation,
# provider and prefix of requests, which may choose the upstream; tokens, tier
# and cost of answers, as one JSON text and as streams.  And that nothing else
# becomes of them: what the upstream gets and the client is what was sent, and
# an event of a stream is there when the next one is not yet.

use v5.36;

use IO::Socket::INET;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('conversations')->has('llm_batch');
my $mock = $t->backend();
my $other = $t->backend(8082);
my $data = "$FindBin::Bin/data";

$t->write_file('secret', 'a secret of two nodes' . "\n");
$t->write_file('models.json', <<'JSON');
{"models": [
    {"match": "gpt-*", "provider": "openai", "reasoning": false,
     "price": {"input": 2, "cached": 0.5, "cache_write": 4, "output": 8},
     "tiers": {"flex": 0.5, "priority": 1.5}},
    {"match": "claude-*", "provider": "anthropic", "batch_discount": 0.5,
     "price": {"input": 1, "cached": 0.1, "cache_write": 1.25, "output": 5}},
    {"match": "gemini-*", "provider": "gcp.gemini",
     "price": {"input": 1, "output": 1}}
]}
JSON

$t->conf(<<'EOF', http => <<'HTTP');
llm_batch zone=llm;

location / {
    proxy_pass http://backend;
}
location /by/ {
    proxy_pass http://nodes/;
}
location /unbuffered/ {
    proxy_buffering off;
    proxy_pass http://backend/;
}
location /small/ {
    llm_batch_max_body 64;
    proxy_pass http://backend/;
}
location /off/ {
    llm_batch off;
    proxy_pass http://backend/;
}
location /file/ {
    proxy_buffers 2 4k;
    proxy_buffer_size 4k;
    proxy_busy_buffers_size 4k;
    proxy_pass http://backend/;
}
location /slow/ {
    proxy_pass http://%%ADDR%%:8083/;
}
EOF
llm_batch_models models.json;
llm_batch_secret secret;
upstream nodes {
    hash $llm_batch_prefix consistent;
    server %%ADDR%%:8081;
    server %%ADDR%%:8082;
}
HTTP
$t->run();

my %uri = (
	openai_chat => '/v1/chat/completions',
	openai_responses => '/v1/responses',
	anthropic_messages => '/v1/messages',
	gemini_generate => '/v1beta/models/gemini-2.5-flash:generateContent',
);

# the answers that the core is tested with

for my $format (sort keys %uri) {
	for my $dir (glob "$data/$format/*") {
		my ($file) = glob "$dir/answer.*";
		answered($format, $file, slurp("$dir/spent")) if $file;
	}
}

# what is not read

answered('openai_chat', "$data/openai_chat/answer/answer.json", 'none',
	status => 500);
answered('openai_chat', "$data/openai_chat/answer/answer.json", 'none',
	gzip => 1);
answered('openai_chat', "$data/openai_chat/answer/answer.json", 'none',
	type => 'text/plain');

# large ones, that are in a file before the client reads them

answered('openai_chat', "$data/openai_chat/answer/answer.json",
	slurp("$data/openai_chat/answer/spent"), prefix => '/file',
	size => 1 << 20);
answered('openai_chat', "$data/openai_chat/stream/answer.sse",
	slurp("$data/openai_chat/stream/spent"), prefix => '/unbuffered',
	bytewise => 1);

# the requests

my $model = { model => 'gpt-4o' };
my %messages = (messages => [ { role => 'system', content => 'be brief' },
	{ role => 'user', content => 'hello' } ]);

my ($log) = asked('/v1/chat/completions', { %$model, %messages });
like($log->{prefix}, qr/^[0-9a-f]{16}$/, 'a prefix');
is($log->{status}, 'BYPASS', 'it passes');
is($log->{reason}, 'adapter', 'its reason');
is($log->{adapter}, 'openai_chat', 'its format');
is($log->{operation}, 'chat', 'its operation');
is($log->{provider}, 'openai', 'its provider');
is($log->{model}, 'gpt-4o', 'its model');

my $prefix = $log->{prefix};

($log) = asked('/v1/chat/completions', '{ "messages": [ {"content" : '
	. '"be\u0020brief", "role": "system"}, {"role": "user", "content": "x" }'
	. ' ], "temperature": 1.0, "model": "gpt-4o", "stream": true }');
is($log->{prefix}, $prefix, 'the same, otherwise written');
is($log->{reason}, 'adapter', 'a stream has no other reason');

($log) = asked('/v1/chat/completions', { %messages, model => 'gpt-5' });
isnt($log->{prefix}, $prefix, 'another model');

($log) = asked('/v1/chat/completions', { %$model,
	messages => [ { role => 'user', content => 'x' } ] });
is($log->{prefix} // '', '', 'no prefix');
($log) = asked('/v1/chat/completions', '{"messages": [');
is($log->{prefix} // '', '', 'no JSON');
($log) = asked('/small/v1/chat/completions', { %$model, %messages });
is($log->{prefix} // '', '', 'not read');
is($log->{reason}, 'body_size', 'since it is too large');
is($log->{adapter}, 'openai_chat', 'its format is known by its path');
($log) = asked('/off/v1/chat/completions', { %$model, %messages });
is($log->{prefix} // '', '', 'nothing where the module is off');
is($log->{operation} // '', '', 'nor an operation');

for ([ '/v1/embeddings', { input => 'a' }, 'embeddings' ],
	[ '/v1/completions', { prompt => 'a' }, 'text_completion' ],
	[ '/v1beta/models/gemini-x:generateContent', { contents => [] },
		'generate_content' ],
	[ '/nobody/knows', {}, '' ])
{
	my ($uri, $body, $operation) = @$_;
	($log) = asked($uri, $body);
	is($log->{operation} // '', $operation, "$uri: operation");
}

# one prefix, one upstream; several prefixes, both

$_->reset() for $mock, $other;

for my $n (1 .. 20) {
	asked('/by/v1/chat/completions', { %$model, messages => [
		{ role => 'system', content => 'be brief' },
		{ role => 'user', content => "text $n" } ] });
}

is(join(' ', sort { $a <=> $b } map { $_->count() } $mock, $other), '0 20',
	'requests of one prefix meet');

$_->reset() for $mock, $other;

for my $n (1 .. 40) {
	asked('/by/v1/chat/completions', { %$model, messages => [
		{ role => 'system', content => "be $n" },
		{ role => 'user', content => 'text' } ] });
}

cmp_ok($_->count(), '>=', 5, 'prefixes are distributed') for $mock, $other;

# the same in another process

$t->quit();
$t->run();

($log) = asked('/v1/chat/completions', { %$model, %messages });
is($log->{prefix}, $prefix, 'the same after a restart');

# the cost, and the metrics

$t->quit();
$t->run();

my @usage = (prompt_tokens => 1000, completion_tokens => 100,
	prompt_tokens_details => { cached_tokens => 600,
		cache_write_tokens => 100 });

is(cost('gpt-4o', undef, @usage), '0.002100000', 'cost');
is(cost('gpt-4o', 'default', @usage), '0.002100000', 'of that tier');
is(cost('gpt-4o', 'flex', @usage), '0.001050000', 'of a cheaper one');
is(cost('gpt-4o', 'priority', @usage), '0.003150000', 'of a dearer one');
is(cost('gemini-x', 'flex', @usage), '0.001100000', 'without such prices');
is(cost('claude-x', 'batch', @usage), '0.000492500', 'of a batch');
is(cost('nobody', undef, @usage), '', 'without a price');

$t->metric_is('llm_batch_prompt_tokens_total{kind="fresh"}', 7 * 300);
$t->metric_is('llm_batch_prompt_tokens_total{kind="cached"}', 7 * 600);
$t->metric_is('llm_batch_prompt_tokens_total{kind="written"}', 7 * 100);
$t->metric_is('llm_batch_requests_total{adapter="openai_chat",status="BYPASS"}',
	7);

# an event is passed on before the next one comes, and what a client that
# leaves has been told by then is counted

streamed();

$t->done();


sub slurp ($name) {
	open my $fh, '<:raw', $name or die "$name: $!";
	local $/;
	return scalar <$fh>;
}

sub asked ($uri, $body) {
	my $r;
	my ($log) = $t->logged(1, sub {
		$r = $t->request({ uri => $uri, body => $body });
	});

	return $log->[0], $r;
}

# the answer is what was sent, and the log has what is in it

sub answered ($format, $file, $spent, %how) {
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	my $body = slurp($file);
	my $uri = (delete $how{prefix} // '') . $uri{$format};
	my $name = ($file =~ m!data/(.*)/! ? $1 : '') . " @{[ %how ]}";

	$mock->next({ body => $body, type => $file =~ /sse$/
		? 'text/event-stream; charset=utf-8' : 'application/json', %how });

	my ($log, $r) = asked($uri, '{ "model" : "gpt-4o", "x": 1.0 }');
	my ($call) = ($mock->calls())[-1];

	is($call->{body}, '{ "model" : "gpt-4o", "x": 1.0 }', "$name: sent");
	is($r->{body} =~ s/ {1000,}(.)\z/$1/sr, $body, "$name: given")
		unless $how{gzip};

	chomp $spent;
	my %spent = $spent eq 'none' ? () : $spent =~ /(\w+)=(\S*)/g;

	is(join(' ', map { $log->{$_} // '' }
		qw/ tokens cached_tokens output_tokens tier /),
		join(' ', map { $_ // '' } @spent{qw/ input cached output tier /}),
		"$name: $spent");
}

sub cost ($model, $tier, %usage) {
	$mock->next({ body => Test::LLMBatch::Server::js({ usage => \%usage,
		$tier ? (service_tier => $tier) : () }) });

	my ($log) = asked('/v1/chat/completions', { model => $model });

	return $log->{cost} // '';
}

sub streamed {
	my $before = $t->metric('llm_batch_prompt_tokens_total{kind="fresh"}');
	my $listen = IO::Socket::INET->new(LocalAddr => $t->addr() . ':8083',
		Listen => 1, ReuseAddr => 1) or die "8083: $!";
	my $client = IO::Socket::INET->new(PeerAddr => $t->addr() . ':8080')
		or die "8080: $!";
	my $body = '{"model":"claude-x","stream":true}';

	print {$client} "POST /slow/v1/messages HTTP/1.1\r\nHost: h\r\n"
		. "Content-Type: application/json\r\nContent-Length: "
		. length($body) . "\r\n\r\n$body";

	my $upstream = $listen->accept() or die "accept: $!";
	my $in = '';

	sysread $upstream, $in, 4096, length $in until $in =~ /\Q$body\E$/;

	syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Accel-Buffering: no\r\n"
		. "Content-Type: text/event-stream\r\nConnection: close\r\n\r\n";
	is(until_seen($client, "\r\n\r\n"), 1, 'the head is there');

	syswrite $upstream, "event: message_start\ndata: "
		. '{"type":"message_start","message":{"usage":{"input_tokens":';
	is(until_seen($client, '"input_tokens":'), 1, 'half an event');

	syswrite $upstream, "31,\"output_tokens\":1}}}\n\n";
	is(until_seen($client, "}}}\n\n"), 1, 'its end');

	close $client;
	close $upstream;

	wait_for {
		$t->metric('llm_batch_prompt_tokens_total{kind="fresh"}') == $before + 31;
	};
	is($t->metric('llm_batch_prompt_tokens_total{kind="fresh"}'), $before + 31,
		'what was told is counted');
}

# the upstream sends no more until then

sub until_seen ($s, $text) {
	state $seen = '';
	my $end = time() + 10;

	while (index($seen, $text) < 0 and time() < $end) {
		my $r = '';
		vec($r, fileno $s, 1) = 1;
		last unless select $r, undef, undef, 10;
		last unless sysread $s, $seen, 4096, length $seen;
	}

	return index($seen, $text) >= 0 ? 1 : $seen;
}
