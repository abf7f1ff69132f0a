/* tests/windows/netsh_texts.c — what netsh says in several languages.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/windows/netsh_texts.h"

#include <stddef.h>

static const struct language english = {
    .name = L"en",
    .code_page = 437,
    .excluded = L"\nProtocol %ls Port Exclusion Ranges\n\nStart Port    End Port      \n",
    .footer = L"* - Administered port exclusions.",
    .dynamic = L"\nProtocol %ls Dynamic Port Range\n",
    .start = L"Start Port      : ",
    .count = L"Number of Ports : ",
    .done = L"Ok.",
    .busy = L"The process cannot access the file because it is being used by another process.",
    .denied = L"Access is denied.",
    .missing = L"Element not found.",
    .elevation = L"The requested operation requires elevation (Run as administrator).",
};

static const struct language german = {
    .name = L"de",
    .code_page = 850,
    .excluded = L"\nPortausschlussbereiche f\u00fcr das Protokoll \"%ls\"\n\nStartport      "
                L"Endport       \n",
    .footer = L"* - Verwaltete Portausschl\u00fcsse.",
    .dynamic = L"\nDynamischer Portbereich f\u00fcr das Protokoll \"%ls\"\n",
    .start = L"Startport       : ",
    .count = L"Anzahl von Ports: ",
    .done = L"OK.",
    .busy = L"Der Prozess kann nicht auf die Datei zugreifen, da sie von einem anderen Prozess "
            L"verwendet wird.",
    .denied = L"Zugriff verweigert",
    .missing = L"Element nicht gefunden.",
};

static const struct language french = {
    .name = L"fr",
    .code_page = 850,
    .excluded =
        L"\nProtocole %ls Plages d\u2019exclusion de ports\n\nPort de d\u00e9but    Port de fin\n",
    .footer = L"* - Exclusions de ports administr\u00e9s.",
    .dynamic = L"\nPlage de ports dynamique du protocole %ls\n",
    .start = L"Port de d\u00e9marrage   : ",
    .count = L"Nombre de ports     : ",
    .done = L"Ok.",
    .busy = L"Le processus ne peut pas acc\u00e9der au fichier car ce fichier est utilis\u00e9 par "
            L"un autre processus.",
    .denied = L"Acc\u00e8s refus\u00e9.",
    .missing = L"\u00c9l\u00e9ment introuvable.",
};

static const struct language russian = {
    .name = L"ru",
    .code_page = 866,
    .excluded =
        L"\n\u0414\u0438\u0430\u043f\u0430\u0437\u043e\u043d\u044b "
        L"\u0438\u0441\u043a\u043b\u044e\u0447\u0435\u043d\u0438\u044f "
        L"\u043f\u043e\u0440\u0442\u043e\u0432 "
        L"\u043f\u0440\u043e\u0442\u043e\u043a\u043e\u043b\u0430 "
        L"%ls\n\n\u041d\u0430\u0447\u0430\u043b\u044c\u043d\u044b\u0439 \u043f\u043e\u0440\u0442   "
        L" \u041a\u043e\u043d\u0435\u0447\u043d\u044b\u0439 \u043f\u043e\u0440\u0442\n",
    .footer = L"* \u2014 \u0443\u043f\u0440\u0430\u0432\u043b\u044f\u0435\u043c\u044b\u0435 "
              L"\u0438\u0441\u043a\u043b\u044e\u0447\u0435\u043d\u0438\u044f.",
    .dynamic = L"\n\u0414\u0438\u0430\u043f\u0430\u0437\u043e\u043d "
               L"\u0434\u0438\u043d\u0430\u043c\u0438\u0447\u0435\u0441\u043a\u0438\u0445 "
               L"\u043f\u043e\u0440\u0442\u043e\u0432 %ls\n",
    .start = L"\u041d\u0430\u0447\u0430\u043b\u044c\u043d\u044b\u0439 \u043f\u043e\u0440\u0442  : ",
    .count = L"\u0427\u0438\u0441\u043b\u043e \u043f\u043e\u0440\u0442\u043e\u0432    : ",
    .done = L"\u041e\u041a.",
    .busy = L"\u041f\u0440\u043e\u0446\u0435\u0441\u0441 \u043d\u0435 "
            L"\u043c\u043e\u0436\u0435\u0442 \u043f\u043e\u043b\u0443\u0447\u0438\u0442\u044c "
            L"\u0434\u043e\u0441\u0442\u0443\u043f \u043a \u0444\u0430\u0439\u043b\u0443.",
    .denied = L"\u041e\u0442\u043a\u0430\u0437\u0430\u043d\u043e \u0432 "
              L"\u0434\u043e\u0441\u0442\u0443\u043f\u0435.",
    .missing = L"\u042d\u043b\u0435\u043c\u0435\u043d\u0442 \u043d\u0435 "
               L"\u043d\u0430\u0439\u0434\u0435\u043d.",
};

static const struct language chinese = {
    .name = L"zh",
    .code_page = 936,
    .excluded =
        L"\n\u534f\u8bae %ls \u7aef\u53e3\u6392\u9664\u8303\u56f4\n\n\u5f00\u59cb\u7aef\u53e3    "
        L"\u7ed3\u675f\u7aef\u53e3\n",
    .footer = L"* - \u7ba1\u7406\u7684\u7aef\u53e3\u6392\u9664\u3002",
    .dynamic = L"\n\u534f\u8bae %ls \u52a8\u6001\u7aef\u53e3\u8303\u56f4\n",
    .start = L"\u542f\u52a8\u7aef\u53e3        : ",
    .count = L"\u7aef\u53e3\u6570          : ",
    .done = L"\u786e\u5b9a\u3002",
    .busy = L"\u53e6\u4e00\u4e2a\u7a0b\u5e8f\u6b63\u5728\u4f7f\u7528\u6b64\u6587\u4ef6\uff0c\u8fdb"
            L"\u7a0b\u65e0\u6cd5\u8bbf\u95ee\u3002",
    .denied = L"\u62d2\u7edd\u8bbf\u95ee\u3002",
    .missing = L"\u627e\u4e0d\u5230\u5143\u7d20\u3002",
};

static const struct language japanese = {
    .name = L"ja",
    .code_page = 932,
    .excluded = L"\n\u30d7\u30ed\u30c8\u30b3\u30eb %ls "
                L"\u30dd\u30fc\u30c8\u9664\u5916\u7bc4\u56f2\n\n\u958b\u59cb\u30dd\u30fc\u30c8    "
                L"\u7d42\u4e86\u30dd\u30fc\u30c8\n",
    .footer = L"* - \u7ba1\u7406\u3055\u308c\u305f\u30dd\u30fc\u30c8\u306e\u9664\u5916\u3002",
    .dynamic = L"\n\u30d7\u30ed\u30c8\u30b3\u30eb %ls "
               L"\u306e\u52d5\u7684\u30dd\u30fc\u30c8\u306e\u7bc4\u56f2\n",
    .start = L"\u958b\u59cb\u30dd\u30fc\u30c8      : ",
    .count = L"\u30dd\u30fc\u30c8\u6570        : ",
    .done = L"OK",
    .busy = L"\u30d7\u30ed\u30bb\u30b9\u306f\u30d5\u30a1\u30a4\u30eb\u306b\u30a2\u30af\u30bb\u30b9"
            L"\u3067\u304d\u307e\u305b\u3093\u3002",
    .denied = L"\u30a2\u30af\u30bb\u30b9\u304c\u62d2\u5426\u3055\u308c\u307e\u3057\u305f\u3002",
    .missing = L"\u8981\u7d20\u304c\u898b\u3064\u304b\u308a\u307e\u305b\u3093\u3002",
};

static const struct language korean = {
    .name = L"ko",
    .code_page = 949,
    .excluded = L"\n\ud504\ub85c\ud1a0\ucf5c %ls \ud3ec\ud2b8 \uc81c\uc678 "
                L"\ubc94\uc704\n\n\uc2dc\uc791 \ud3ec\ud2b8    \ub05d \ud3ec\ud2b8\n",
    .footer = L"* - \uad00\ub9ac \ud3ec\ud2b8 \uc81c\uc678\uc785\ub2c8\ub2e4.",
    .dynamic = L"\n\ud504\ub85c\ud1a0\ucf5c %ls \ub3d9\uc801 \ud3ec\ud2b8 \ubc94\uc704\n",
    .start = L"\uc2dc\uc791 \ud3ec\ud2b8       : ",
    .count = L"\ud3ec\ud2b8 \uc218         : ",
    .done = L"\ud655\uc778\ub428",
    .busy = L"\ub2e4\ub978 \ud504\ub85c\uc138\uc2a4\uac00 \ud30c\uc77c\uc744 \uc0ac\uc6a9 "
            L"\uc911\uc785\ub2c8\ub2e4.",
    .denied = L"\uc561\uc138\uc2a4\uac00 \uac70\ubd80\ub418\uc5c8\uc2b5\ub2c8\ub2e4.",
    .missing = L"\uc694\uc18c\ub97c \ucc3e\uc744 \uc218 \uc5c6\uc2b5\ub2c8\ub2e4.",
};

const struct language *const languages[] = {&english, &german,   &french, &russian,
                                            &chinese, &japanese, &korean, NULL};
