#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the key: requests that differ in anything the answer may depend on,
# or that come with other credentials, never share a call, and requests that
# differ in nothing of the kind do.  If a header or member were left out of
# the key, it would be sent on for a neighbour that never asked for it.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;
use MIME::Base64 qw/ encode_base64 /;

use Test::LLMBatch;
use Test::LLMBatch::JSON;

my $t = Test::LLMBatch->new('key separation')->has('llm_batch');

$t->conf(<<'EOF', workers => 2);
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_wait 20s;

location / {
    proxy_pass http://backend;
}
location /shared/ {
    llm_batch_tenant shared;
    proxy_pass http://backend/;
}
location /injected/ {
    llm_batch_tenant shared;
    proxy_set_header Authorization "Bearer operator";
    proxy_pass http://backend/;
}
location /required/ {
    if ($http_authorization = "") { return 401; }
    if ($cookie_id = "") { return 401; }
    if ($remote_user = "") { return 401; }
    llm_batch_tenant shared;
    proxy_set_header Authorization $http_authorization;
    proxy_set_header X-Cookie $cookie_id;
    proxy_set_header X-User $remote_user;
    proxy_pass http://backend/;
}
location /captures/ {
    if ($http_x_real_ip ~ "^(?:(a)-|-(a))\K(b)") {
        set $unused 1;
    }
    proxy_set_header X-First $1;
    proxy_pass http://backend/;
}
location /team/ {
    llm_batch_tenant $cookie_team;
    llm_batch_vary $remote_user;
    proxy_set_header X-Cookie $cookie_team;
    proxy_set_header X-User $remote_user;
    proxy_pass http://backend/;
}
location /vary/ {
    llm_batch_vary $http_user_agent $http_accept_language;
    proxy_pass http://backend/;
}
location /ignore/ {
    llm_batch_ignore_headers X-Noise X-Other;
    proxy_pass http://backend/;
}
location /group/ {
    llm_batch_group $http_x_llm_group;
    proxy_pass http://backend/;
}
EOF

my $mock = $t->backend();
my $uri = '/v1/embeddings';

$t->run();

# headers

sub header ($name, @values) {
	return map { { headers => defined $_ ? { $name => $_ } : {} } } @values;
}

for my $name ('Authorization', 'api-key', 'X-Api-Key', 'x-goog-api-key',
	'Cookie', 'OpenAI-Organization', 'OpenAI-Project', 'OpenAI-Beta',
	'X-Unheard-Of', 'X-User-gwlesghimnklliflxnelvgfh')
{
	apart("$name: values", header($name, 'one', 'two'));
	apart("$name: one without", header($name, 'one', undef));
	together("$name: equal", header($name, 'one', 'one'));
}

apart('Host: values', header('Host', 'one', 'two'));
together('Host: equal', header('Host', 'one', 'one'));
apart('a header twice', { headers => [ 'X-A' => 1, 'X-A' => 2 ] },
	{ headers => [ 'X-A' => 1 ] });
apart('an empty header', header('X-A', '', undef));
apart('where a header ends', { headers => { 'X-A' => '1', 'X-B' => '2' } },
	{ headers => { 'X-A' => "1,X-B:2" } });
together('charset', header('Content-Type', 'application/json',
	'application/json; charset=utf-8'));
apart('another charset', header('Content-Type', 'application/json',
	'application/json; charset=latin1'));
apart('task', header('X-LLM-Task', 'one', 'two'));

for my $name ('User-Agent', 'X-Request-Id', 'X-Forwarded-For', 'X-Real-IP',
	'Forwarded', 'Via', 'Date', 'Accept', 'Accept-Encoding',
	'Accept-Language', 'traceparent', 'tracestate', 'baggage',
	'X-Stainless-Lang', 'X-LLM-Priority')
{
	together("$name: values", header($name, 4, 5));
}

# members of the body

sub body (@members) {
	return map { { body => $_ } } @members;
}

apart('models', body({ model => 'one' }, { model => 'two' }));
apart('dimensions', body({ dimensions => 4 }, { dimensions => 6 }));
apart('dimensions or none', body({ dimensions => 8 }, {}));
apart('encoding_format', body({ encoding_format => 'base64' }, {}));
apart('user', body({ user => 'one' }, { user => 'two' }));
apart('a member nobody knows', body({ x => 1 }, { x => 2 }));
apart('a member of a member', body({ x => { y => [ 1, { z => 1 } ] } },
	{ x => { y => [ 1, { z => 2 } ] } }));
apart('a number and a string', body({ x => 1 }, { x => '1' }));
apart('true and "true"', body({ x => \1 }, { x => 'true' }));
apart('the text of a number', map { { text => qq!"x":$_! } } '1', '1.0');
apart('the order of an array', body({ x => [ 1, 2 ] }, { x => [ 2, 1 ] }));
together('the order of members', map { { text => $_ } }
	'"x":{"a":1,"b":2},"y":3', '"y" : 3, "x":{ "b":2 ,"a":1 }');
together('escapes', map { { text => $_ } } '"x":"A/\u00e9"',
	'"\u0078":"\u0041\/' . "\xc3\xa9\"");
apart('texts and tokens', {}, { tokens => 1 });

# the request line

apart('arguments', { uri => "$uri?v=1" }, { uri => "$uri?v=2" });
apart('arguments or none', { uri => "$uri?v=1" }, {});
apart('URIs', {}, { uri => "/other/v1/embeddings" });
together('a URI and arguments', ({ uri => "$uri?v=1" }) x 2);

apart('which of the captures', map { {
	uri => "/captures$uri", headers => { 'X-Real-IP' => $_ }
} } 'a-b', '-ab');

# directives

my @keys = map { { headers => { Authorization => "Bearer $_" } } } 'a', 'b';
my @calls;

@calls = together('tenant shared', map { { %$_, uri => "/shared$uri" } } @keys);
ok(!exists $calls[-1]{headers}{authorization},
	'tenant shared: credentials that differ are not sent');

@calls = together('tenant shared, equal credentials',
	map { { %$_, uri => "/shared$uri" } } @keys[0, 0]);
is($calls[-1]{headers}{authorization}, 'Bearer a',
	'tenant shared: equal credentials are sent');

@calls = together('tenant shared, one without credentials',
	{ uri => "/shared$uri" }, { %{$keys[1]}, uri => "/shared$uri" });
ok(!exists $calls[-1]{headers}{authorization},
	'tenant shared: a key is not lent to a client without');

@calls = together('tenant shared, cookies', map {
	{ uri => "/shared$uri", headers => { Cookie => $_ } }
} 'a=1', 'b=1');
ok(!exists $calls[-1]{headers}{cookie}, 'tenant shared: nor a cookie');

@calls = together('credentials of the operator',
	map { { %$_, uri => "/injected$uri" } } @keys);
is($calls[-1]{headers}{authorization}, 'Bearer operator',
	'credentials of the operator are sent');

my @basic = map { {
	uri => "/required$uri", headers => { Cookie => "id=$_",
		Authorization => 'Basic ' . encode_base64("$_:", '') }
} } qw/ one two /;

@calls = together('credentials in variables', @basic);
is(join(' ', grep { exists $calls[-1]{headers}{$_} }
	qw/ authorization x-cookie x-user cookie /), '',
	'credentials in variables: those that differ are not sent');

@calls = together('credentials in variables, equal', @basic[0, 0]);
is(join(' ', map { $calls[-1]{headers}{$_} // '' } qw/ x-cookie x-user /),
	'one one', 'credentials in variables: equal ones are sent');

@calls = together('credentials in variables, compared', map { {
	uri => "/team$uri", headers => { Cookie => "team=a; id=$_",
		Authorization => $basic[0]{headers}{Authorization} }
} } 1, 2);
is(join(' ', map { $calls[-1]{headers}{$_} // '' } qw/ x-cookie x-user /),
	'a one', 'credentials in variables: what is compared is sent');
ok(!exists $calls[-1]{headers}{cookie},
	'credentials in variables: the rest is not');

@calls = apart('credentials', @keys);
is(join(' ', sort { $a cmp $b } uniq map {
	my $key = $_->{headers}{authorization};
	map { substr($_, 0, 1) . " $key" } texts($_)
} @calls), 'A Bearer a B Bearer b', 'each text goes with its own key');

for my $name (qw/ User-Agent Accept-Language /) {
	apart("vary: $name",
		map { { %$_, uri => "/vary$uri" } }
			header($name, 'one', 'two'));
}

together('vary: equal',
	map { { %$_, uri => "/vary$uri" } } header('User-Agent', 'one', 'one'));

@calls = together('ignored header',
	map { { %$_, uri => "/ignore$uri" } } header('x-noise', 'one', 'two'));
ok(!exists $calls[-1]{headers}{'x-noise'}, 'ignored header is not sent');
apart('header not ignored',
	map { { %$_, uri => "/ignore$uri" } } header('X-Noise-2', 1, 2));

# what a proxy in front says of who the client is

apart("$_: values", header($_, 'one', 'two'))
	for 'X-Forwarded-User', 'X-Forwarded-Access-Token';

apart('a common group does not merge models', map {
	{ uri => "/group$uri", headers => { 'X-LLM-Group' => 'g' },
		body => { model => $_ } }
} 'one', 'two');

# what a merged call says of itself

@calls = together('headers left out', {
	headers => { 'User-Agent' => 'client/1', 'X-Request-Id' => 'r1',
		traceparent => '00-' . '1' x 32 . '-' . '1' x 16 . '-01',
		'X-Forwarded-For' => '192.0.2.1', 'X-LLM-Task' => 'task',
		'X-LLM-Priority' => 7, 'X-Stainless-Lang' => 'js' }
}, { headers => { 'X-LLM-Task' => 'task' } });

my $h = $calls[-1]{headers};
is(join(' ', grep { exists $h->{$_} } qw/ x-llm-task x-llm-priority
	x-stainless-lang x-forwarded-for /), '', 'headers left out: not sent');
isnt($h->{'user-agent'} // '', 'client/1', 'headers left out: User-Agent');
isnt($h->{'x-request-id'} // '', 'r1', 'headers left out: X-Request-Id');
unlike($h->{traceparent} // '', qr/-1{16}-/, 'headers left out: traceparent');

$t->done();


# requests like the first have texts A..., those like the second B...

sub request ($like, $letter, $n) {
	my $body = { model => 'm',
		input => $like->{tokens} ? [ ord $letter, $n ] : "$letter$n",
		%{$like->{body} // {}} };
	my $text = encode_json($body);

	$text =~ s/\}$/,$like->{text}}/ if $like->{text};

	return { uri => $like->{uri} // $uri, body => $text,
		headers => $like->{headers} // {} };
}

sub texts ($call) {
	my $input = decode_json($call->{body})->{input};

	return map {
		ref $_ ? map { chr $_->[0] } ref $_->[0] ? @$_ : $_ : $_
	} ref $input && ref $input->[0] ? [ @$input ]
		: ref $input && $input->[0] =~ /^\d+$/ ? $input
		: ref $input ? @$input : $input;
}

# Holds a call of A; a request B then waits for it if both have one key, and
# is sent at once if they do not.  Then come another A and B, and a look at
# who went with whom.  Returns the calls.

sub meet ($name, $like_a, $like_b, $apart) {
	my $client = $t->client();
	my $queue = sub { $t->metric('llm_batch_queue_requests') // 0 };
	my $calls = sub { scalar(() = $mock->calls()) };
	my @open;

	$mock->reset();
	$mock->script(hold => 1);

	push @open, $client->start(request($like_a, 'A', 1));
	wait_for { $calls->() == 1 };

	push @open, $client->start(request($like_b, 'B', 1));
	wait_for { $calls->() + $queue->() == 2 };

	push @open, $client->start(request($like_a, 'A', 2),
		request($like_b, 'B', 2));
	wait_for { $calls->() + $queue->() == 4 };

	$mock->script();
	$mock->release();

	my @r = map { $client->finish($_) } @open;
	my @calls = $mock->calls();
	my @who = sort { $a cmp $b } map {
		join '', uniq sort { $a cmp $b }
			map { substr $_, 0, 1 } texts($_)
	} @calls;

	subtest $name => sub {
		is(join(' ', @who), $apart ? 'A A B B' : 'A AB',
			'who with whom');
		is(join(' ', sort { $a <=> $b } map { $_->{items} } @calls),
			$apart ? '1 1 1 1' : '1 3', 'items');
		is_own_answer(\@r);
	};

	return @calls;
}

sub apart ($name, $like_a, $like_b) {
	return meet("apart: $name", $like_a, $like_b, 1);
}

sub together ($name, $like_a, $like_b) {
	return meet("together: $name", $like_a, $like_b, 0);
}
